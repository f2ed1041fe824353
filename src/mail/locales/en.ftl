# Subjects and preheaders show on locked screens: nothing clinical, no name, no clinic, no word like urgent.
# The same words stand over a routine and an urgent letter.

greeting = Hello,

patient-invitation-subject = Please open your secure page
patient-invitation-preheader = Your link is inside.
patient-invitation-sentence = Your clinic has set up a secure page for you.
patient-invitation-button = Open my page
patient-invitation-note = You choose a way to sign in, and then your page opens.

member-invitation-subject = You are invited to a team
member-invitation-preheader = Your link is inside.
member-invitation-sentence = You are invited to join a team.
member-invitation-button = Join the team
member-invitation-note = If you did not expect this, you can ignore it.

sign-in-link-subject = Your sign-in link
sign-in-link-preheader = Use it once to sign in.
sign-in-link-sentence = Here is your link to sign in.
sign-in-link-button = Sign in
sign-in-link-note = If you did not ask for it, you can ignore this message.

password-reset-subject = Choose a new password
password-reset-preheader = Your link is inside.
password-reset-sentence = Use this link to choose a new password.
password-reset-button = Choose a new password
password-reset-note = If you did not ask for it, ignore this message. Your old password still works.

reminder-subject = Your daily note is ready
reminder-preheader = Please open your secure page.
reminder-sentence = Your daily note is ready.
reminder-button = Open my note
reminder-note = It takes a minute or two.

alert-notice-subject = You have a new message
alert-notice-preheader = Please open your secure page.
alert-notice-sentence = A new message is waiting for your team.
alert-notice-button = Open the message
alert-notice-note = For privacy, this e-mail holds no details.

address-change-subject = Please confirm your address
address-change-preheader = Your link is inside.
address-change-sentence = Use this link to confirm that this address is yours.
address-change-button = Confirm my address
address-change-note = If you did not ask for it, ignore this message. Nothing changes.

address-changed-subject = Your address was changed
address-changed-preheader = Please read this if it was not you.
address-changed-sentence = We have a new address for you. Our mails go there from now on.
address-changed-button = Open my page
address-changed-note = If you did not ask for it, please call your clinic.

valid-minutes = { $count ->
    [one] The link works once, for { $count } minute.
   *[other] The link works once, for { $count } minutes.
}
valid-hours = { $count ->
    [one] The link works once, for { $count } hour.
   *[other] The link works once, for { $count } hours.
}
valid-days = { $count ->
    [one] The link works once, for { $count } day.
   *[other] The link works once, for { $count } days.
}

phone-line = Questions? Call the clinic:
emergency-line = In an emergency, call:
emergency-elsewhere = or your local emergency number
watched-line = Not watched day and night. We read answers: { $hours }.
link-help = If the button does not work, open this link:
unsubscribe-why = You get this note because daily notes are on.
unsubscribe = Stop these e-mails
