//! From a letter to the bytes on the wire. Whatever could break out of a header is refused here.

use std::time::SystemTime;

use lettre::{
    Address,
    address::Envelope,
    message::{
        Mailbox, Message, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{Failure, Mail, Sender};

/// A letter, ready for the wire: the same letter gives the same bytes each time.
pub(super) struct Letter {
    /// One sender, one recipient.
    pub(super) from: Address,
    pub(super) to: Address,
    /// The message id without angle brackets.
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

/// Makes the message, or says which part of the letter is not fit to be sent.
pub(super) fn letter(mail: &Mail, sender: &Sender) -> Result<Letter, Failure> {
    let id = message_id(&mail.message_id).ok_or_else(|| Failure::unsendable("the message id is not usable"))?;
    let from = mailbox("sender", &mail.from_name, &mail.from_address)?;
    let to = mailbox("recipient", "", &mail.to).map_err(|why| why.of_recipient())?;
    let envelope_from = mailbox("sender", "", &sender.address)?.email;
    one_line("subject", &mail.subject)?;
    let sent_at = SystemTime::from(mail.sent_at.timestamp());
    if sent_at < SystemTime::UNIX_EPOCH {
        return Err(Failure::unsendable("the date is before 1970"));
    }

    let envelope = Envelope::new(Some(envelope_from.clone()), vec![to.email.clone()])
        .map_err(|_| Failure::unsendable("the envelope is not usable"))?;
    let mut message = Message::builder()
        .envelope(envelope)
        .message_id(Some(format!("<{id}>")))
        .date(sent_at)
        .from(from)
        .to(to.clone())
        .subject(mail.subject.as_str())
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(reply_to) = &mail.reply_to {
        message = message.reply_to(mailbox("reply address", "", reply_to)?);
    }
    if let Some(url) = &mail.list_unsubscribe {
        if !is_web_address(url) {
            return Err(Failure::unsendable("the unsubscribe address is not a web address"));
        }
        message = message
            .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let message =
        message.multipart(bodies(&id, mail)).map_err(|_| Failure::unsendable("the message cannot be put together"))?;
    Ok(Letter { from: envelope_from, to: to.email, id, bytes: message.formatted() })
}

/// Text first, HTML last: the last one that a mail program understands is shown. The boundary comes from the
/// message id, so that a second try is the same letter to the byte.
fn bodies(id: &str, mail: &Mail) -> MultiPart {
    let seed: String = id.chars().filter(char::is_ascii_alphanumeric).take(50).collect();
    MultiPart::alternative()
        .boundary(format!("=_{seed}_="))
        .singlepart(SinglePart::plain(body(&mail.text)))
        .singlepart(SinglePart::html(body(&mail.html)))
}

/// One kind of line break and no other control character: a lone CR reaches some relays as the end of a line, and
/// with a dot after it as the end of the message.
fn body(text: &str) -> String {
    let unfit = |c: char| c.is_control() && c != '\n' && c != '\t';
    // CRLF from here: lettre would put each one in by moving the rest of the text.
    text.replace("\r\n", "\n").replace('\r', "\n").replace(unfit, "").replace('\n', "\r\n")
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    // Both names and values are ours or checked ASCII without line breaks; encoding would only break a long link.
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.to_owned(), value.to_owned())
}

fn mailbox(what: &str, name: &str, text: &str) -> Result<Mailbox, Failure> {
    one_line(what, name)?;
    let email = address(text).ok_or_else(|| Failure::unsendable(format!("the {what}'s address is not usable")))?;
    Ok(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), email))
}

/// A plain address: no quotes, no comments, no lists, no control characters, and not longer than RFC 5321 allows.
pub(super) fn address(text: &str) -> Option<Address> {
    let (local, domain) = text.split_once('@')?;
    let strange = |c: char| c.is_control() || c.is_whitespace() || "\"<>()[]\\,;:@".contains(c);
    let fits = !local.is_empty() && local.len() <= 64 && text.len() <= 254 && !domain.is_empty();
    (fits && !local.contains(strange) && !domain.contains(strange)).then(|| text.parse().ok())?
}

/// `id@domain` of letters, digits, dots, dashes and underscores, so that it fits a header and a file name.
fn message_id(text: &str) -> Option<String> {
    let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let (left, right) = bare.split_once('@')?;
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    (plain(left) && plain(right) && bare.len() <= 200).then(|| bare.to_owned())
}

fn one_line(what: &str, text: &str) -> Result<(), Failure> {
    if text.chars().any(char::is_control) {
        return Err(Failure::unsendable(format!("the {what} holds a control character")));
    }
    if text.len() > 900 {
        return Err(Failure::unsendable(format!("the {what} is too long for a header")));
    }
    Ok(())
}

/// An http(s) address of visible ASCII that cannot end a header's `<...>` or an HTML attribute.
pub(super) fn is_web_address(url: &str) -> bool {
    let place = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    place.is_some_and(|place| place.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
        && url.len() <= 900
        && url.chars().all(|c| c.is_ascii_graphic() && !"<>\"'`\\{}|^,".contains(c))
}
