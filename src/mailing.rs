//! Sends what waits in the outbox: claim, look once more whether it is still wanted, commit `sending`, speak SMTP with no
//! transaction open, record what came of it under the fence. Each mail stands alone: what fails is put off, and nothing waits for it.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Actor;
use crate::job_failures::{self, Failing};
use crate::mail::outbox::{self, Again, Claimant, Claimed, MailState, OutboxMail, SendDecision, Turns};
use crate::mail::templates::{ClinicLines, Context, Kind, Rendered, ValidFor};
use crate::mail::{ChannelNews, Failure, Mail, Outcome};
use crate::{clinics, notices, patients};
use ground::ids::{ClinicId, MailId, PatientId};
use ground::time::Stamp;

/// The lease is renewed this often while a relay is slow.
const RENEW: Duration = Duration::from_secs(30);
/// Between two tries to record what a relay said: the first, and the longest.
const RECORD_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// One line to the relay: what it claims, and whose turn it was.
pub struct Line {
    by: Claimant,
    turns: Turns,
}

impl Line {
    /// A line that has sent nothing yet.
    pub fn new(by: Claimant) -> Self {
        Self { by, turns: Turns::default() }
    }

    /// Sends one claim's worth; gives how many were claimed. When `stop` says so, the mail on the wire is finished and the others are
    /// given back. `pace` is awaited before each mail.
    pub async fn send_due<P: Future<Output = ()>>(
        &mut self,
        app: &App,
        stop: &watch::Receiver<bool>,
        pace: impl Fn() -> P,
    ) -> Result<usize, Error> {
        if !app.channel.is_open() {
            return Ok(0);
        }
        let claimed = self.claim(app).await?;
        let count = claimed.len();
        let mut waiting = claimed.into_iter();
        let mut has_tried = false;
        while let Some(mail) = waiting.next() {
            if *stop.borrow() || has_tried && !app.channel.is_fine() {
                let unsent = std::iter::once(mail).chain(waiting).filter_map(Result::ok);
                let unsent: Vec<(MailId, i32)> = unsent.map(|mail| (mail.id, mail.fence)).collect();
                app.db.write(move |c| outbox::hand_back(c, &unsent)).await?;
                return Ok(0);
            }
            pace().await;
            self.send_alone(app, mail).await;
            has_tried = true;
        }
        Ok(count)
    }

    async fn claim(&mut self, app: &App) -> Result<Vec<Claimed>, Error> {
        let (by, inner) = (self.by.clone(), app.clone());
        let mut turns = std::mem::take(&mut self.turns);
        let (claimed, turns) = app
            .db
            .write(move |c| {
                let at = inner.work_moment(c)?.at;
                Ok((outbox::claim(c, &by, &mut turns, at)?, turns))
            })
            .await?;
        self.turns = turns;
        Ok(claimed)
    }

    /// Whatever goes wrong with one mail is that mail's trouble.
    async fn send_alone(&self, app: &App, mail: Claimed) {
        let ((id, fence), clinic, result) = match mail {
            Ok(mail) => ((mail.id, Some(mail.fence)), mail.clinic_id, send_one(app, &mail).await),
            Err((id, why)) => ((id, None), None, Err(why)),
        };
        if let Err(why) = result
            && let Err(again) = put_off(app, id, fence, clinic, &why).await
        {
            tracing::error!(outbox_id = %id, %why, %again, "a mail could not be looked at, nor put off; its lease will run out");
        }
    }
}

async fn put_off(
    app: &App,
    id: MailId,
    fence: Option<i32>,
    clinic: Option<ClinicId>,
    why: &Error,
) -> Result<(), Error> {
    tracing::error!(outbox_id = %id, %why, "a mail could not be looked at; it is put off");
    if why.is_passing() {
        // The database was away, perhaps: as soon as it is back, so that nobody has to wait for the lease to run out.
        let inner = app.clone();
        record(app, id, move |ctx| {
            let until = inner.work_moment(ctx.c)?.at.plus_seconds(1);
            outbox::put_off(ctx.c, id, fence, until)
        })
        .await;
        return Ok(());
    }
    let why = why.word().to_owned();
    let put_off = app.work(move |ctx| {
        let until = job_failures::note(ctx.c, Failing::mail(id), clinic, &why, ctx.m.at)?;
        outbox::put_off(ctx.c, id, fence, until)
    });
    put_off.await
}

async fn send_one(app: &App, mail: &OutboxMail) -> Result<(), Error> {
    let row = mail.clone();
    let looked = app.work(move |ctx| match notices::before_sending(ctx, &row)? {
        SendDecision::Withdraw(reason) => {
            outbox::settle(ctx.c, &row, MailState::Withdrawn, reason, ctx.m.at)?;
            Ok(None)
        }
        SendDecision::Send { to, locale, link } => {
            let lines = clinics::lines(ctx.c, &row)?;
            let goes = outbox::mark_sending(ctx.c, &row, &to, ctx.m.at)?;
            Ok(goes.then_some((Words { to, locale, link, lines }, ctx.m.at)))
        }
    });
    let Some((words, at)) = looked.await? else { return Ok(()) };
    let sent_to = OutboxMail { to_address: words.to.clone(), ..mail.clone() };
    match compose(app, mail, words, |clinic, patient| app.post().unsubscribe_url(clinic, patient)) {
        Ok(letter) => speak(app, sent_to, &letter, time_left(mail, at)).await,
        Err(why) => cannot_be_written(app, sent_to, &why).await,
    }
    Ok(())
}

/// What a letter is made of, by the records as they are now.
struct Words {
    to: String,
    locale: String,
    link: Option<String>,
    lines: Option<ClinicLines>,
}

/// A defect of ours or of a setting: it is tried again until the mail's time is over.
async fn cannot_be_written(app: &App, mail: OutboxMail, why: &Error) {
    tracing::error!(outbox_id = %mail.id, %why, "a mail cannot be written; it is put off");
    let (at, word) = (app.clock.now(), why.word());
    record(app, mail.id, move |ctx| {
        job_failures::note(ctx.c, Failing::mail(mail.id), mail.clinic_id, word, at)?;
        outbox::put_back(ctx.c, &mail, "it could not be written", Again::NotNow, at).map(|_| ())
    })
    .await;
}

fn time_left(mail: &OutboxMail, at: Stamp) -> Duration {
    Duration::from_micros(u64::try_from(mail.expires_at.micros() - at.micros()).unwrap_or_default())
}

async fn speak(app: &App, mail: OutboxMail, letter: &Mail, time_left: Duration) {
    let sending = app.mailer.send(letter, time_left);
    tokio::pin!(sending);
    let result = loop {
        tokio::select! {
            result = &mut sending => break result,
            () = tokio::time::sleep(RENEW) => {
                let (row, at) = (mail.clone(), app.clock.now());
                if let Err(why) = app.db.write(move |c| outbox::renew(c, &row, at)).await {
                    tracing::warn!(outbox_id = %mail.id, %why, "a lease could not be renewed; the mail is on the wire");
                }
            }
        }
    };
    app.metrics.offered(result.as_ref().err());
    match app.channel.heard(&mail, result.as_ref().err()) {
        ChannelNews::Fine => {}
        ChannelNews::Broke => app.channel.tell_operator(&app.db, mail.id, app.clock.now()).await,
        ChannelNews::RefusesEverybody(refused) => return give_back_refused(app, refused).await,
    }
    match result {
        Ok(_) => delivered(app, mail).await,
        Err(failure) => fail(app, mail, failure).await,
    }
}

async fn delivered(app: &App, mail: OutboxMail) {
    let at = app.clock.now();
    record(app, mail.id, move |ctx| {
        outbox::settle(ctx.c, &mail, MailState::Sent, "taken by the relay", at)?;
        job_failures::clear(ctx.c, Failing::mail(mail.id))?;
        job_failures::clear(ctx.c, job_failures::CHANNEL)?;
        patients::address_reached(ctx.c, &mail)
    })
    .await;
}

async fn fail(app: &App, mail: OutboxMail, failure: Failure) {
    tracing::warn!(outbox_id = %mail.id, phase = ?failure.phase, outcome = ?failure.outcome, "a mail did not go");
    let (m, detail) = (app.moment(), failure.detail.clone());
    let again = match failure.outcome {
        _ if failure.blames_channel() => Some(Again::Channel),
        Outcome::NotSent { retryable: true } => Some(Again::Unreached),
        Outcome::Refused { permanent: false, .. } => Some(Again::NotNow),
        Outcome::Unknown => Some(Again::Unknown),
        Outcome::NotSent { retryable: false } | Outcome::Refused { permanent: true, .. } => None,
    };
    record(app, mail.id, move |ctx| {
        if let Some(again) = again {
            return outbox::put_back(ctx.c, &mail, &detail, again, m.at).map(|_| ());
        }
        if failure.blames_recipient() {
            patients::address_refused(ctx, &mail)?;
        }
        outbox::settle(ctx.c, &mail, MailState::Dead, &detail, m.at).map(|_| ())
    })
    .await;
}

/// The relay refused one after another, whoever it was: nothing of it is held against them, and all of it waits.
async fn give_back_refused(app: &App, refused: Vec<OutboxMail>) {
    let Some(last) = refused.last().cloned() else { return };
    let m = app.moment();
    app.channel.tell_operator(&app.db, last.id, app.clock.now()).await;
    record(app, last.id, move |ctx| {
        for mail in &refused {
            outbox::revive(ctx.c, mail, m.at)?;
            patients::address_reached(ctx.c, mail)?;
        }
        outbox::put_back(ctx.c, &last, "the relay refuses everybody", Again::Channel, m.at).map(|_| ())
    })
    .await;
}

/// Writes what came of a mail, again and again until it is written, before the next one goes: what is not recorded would be sent again.
async fn record<F>(app: &App, mail: MailId, write: F)
where
    F: Fn(&mut Ctx<'_>) -> Result<(), Error> + Send + Sync + 'static,
{
    let write = std::sync::Arc::new(write);
    let (mut pause, longest) = RECORD_AGAIN;
    loop {
        let (once, inner, m) = (std::sync::Arc::clone(&write), app.clone(), app.moment());
        match app.db.write_at_any_price(move |c| inner.act_in(c, Actor::Server, &m, |ctx| once(ctx))).await {
            Ok(_) => return,
            Err(why) if why.is_passing() && app.db.health().fallen().is_none() => {
                tracing::warn!(outbox_id = %mail, %why, "what came of a mail could not be recorded; it is tried again");
            }
            Err(why) => {
                tracing::error!(outbox_id = %mail, %why, "what came of a mail cannot be recorded; its lease will run out");
                return;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// The letter as it would be written today; one-time links are made only when it goes. `None`: it cannot be written any more.
pub fn preview(app: &App, mail: &OutboxMail, lines: Option<ClinicLines>) -> Option<Mail> {
    let words = Words { to: mail.to_address.clone(), locale: mail.locale.clone(), link: None, lines };
    // Its token ends a patient's reminders for good: it is for the patient's eyes.
    let no_token = format!("{}/v1/unsubscribe/-", app.config.base_url);
    compose(app, mail, words, |_, _| no_token.clone()).ok()
}

fn compose(
    app: &App,
    mail: &OutboxMail,
    words: Words,
    unsubscribe_url: impl Fn(ClinicId, PatientId) -> String,
) -> Result<Mail, Error> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == mail.kind);
    let kind = kind.ok_or_else(|| Error::internal("an unknown kind of mail", &mail.kind))?;
    let stored: outbox::Context = mail.context.to()?;
    let unsubscribe_url = match (stored.unsubscribe, mail.clinic_id, mail.patient_id) {
        (true, Some(clinic), Some(patient)) => Some(unsubscribe_url(clinic, patient)),
        _ => None,
    };
    let sender = app.mailer.sender();
    let clinic_name = words.lines.as_ref().and_then(ClinicLines::shown_name);
    let context = Context {
        link: words.link.unwrap_or(stored.link),
        valid_for: stored.valid_minutes.map(valid_for),
        clinic: words.lines,
        unsubscribe_url: unsubscribe_url.clone(),
    };
    let rendered: Rendered =
        app.templates.render(kind, &words.locale, &context).map_err(|why| Error::internal("mail template", why))?;
    Ok(Mail {
        message_id: mail.message_id.clone(),
        to: words.to,
        from_name: clinic_name.unwrap_or_else(|| sender.name.clone()),
        from_address: sender.address.clone(),
        reply_to: None,
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        list_unsubscribe: unsubscribe_url,
        sent_at: app.clock.now(),
    })
}

fn valid_for(minutes: u32) -> ValidFor {
    match minutes {
        days if days % (24 * 60) == 0 => ValidFor::Days(days / (24 * 60)),
        hours if hours % 60 == 0 => ValidFor::Hours(hours / 60),
        minutes => ValidFor::Minutes(minutes),
    }
}
