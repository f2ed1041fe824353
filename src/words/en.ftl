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

check-in-occurrence = which check-in it answers
check-in-answered-at = when you answered it
check-in-kept = We have kept your answers, and the clinic can see them. { $what } If you are worried, call us: {"{"}clinic_phone{"}"}. In an emergency, call {"{"}emergency_number{"}"}.
check-in-too-little = They do not say enough about your skin to be judged.
check-in-not-judged-parts = This could not be judged: { $questions }.
check-in-kept-for-staff = Kept: read it in the check-in.
check-in-rules-failed = These rules give no result: { $rules }.
check-in-in-line = Your answers are in line with what is common on day { $day }. If something feels wrong, contact us anyway.
check-in-not-judged = Your answers are saved. They are not judged here. If you are worried, contact us.
standing-line = This is general information from your clinic. It is not a diagnosis and does not replace a visit. If you are worried, contact us.

readiness-course-complete = All the sessions that were planned have been done.
readiness-interval = Your skin needs time: the next session can be on { $date } or later.
readiness-open-alert = Your clinic is still looking at something in your plan.
readiness-waits = A clinician has to decide something first.
readiness-not-calm = By your latest answers, your skin is not calm yet.
readiness-not-answered = We lack recent answers. Send a check-in, so that we know how your skin is.
readiness-no-more = No more sessions are planned. If you want another one, talk to your clinic.
readiness-may-come = Nothing that we know speaks against your next session. Your clinic decides.
readiness-has-to-wait = Your next session has to wait for now. Your clinic decides.
date = { $day } { $month } { $year }

plan-superseded = The plan of your next session takes the place of this one.
plan-reinstated = The plan of your next session does not take the place of this one after all. This one goes on.
plan-moved = Your clinic has changed the instructions of this plan.

unsubscribe-dead-title = This link does not work any more
unsubscribe-dead-text = Open it again from your newest mail. You can also turn reminders off on your page. Or call your clinic.
unsubscribe-dead-link = Open my page

home-emergency = In an emergency call 112, 999 or 911, or your local number.
home-about = After a skin treatment, this server tells patients what to do today. It asks how the skin is, and tells the clinic.
home-patients-heading = For patients
home-patients-text = See what to do today.
home-patients-link = Open my day
home-clinic-heading = For the clinic
home-clinic-text = See who needs a call.
home-clinic-link = Open alerts
home-developers-heading = For developers
home-developers-text = Read and try the API.
home-developers-link = API reference
home-demo-heading = This is a demo
home-demo-text = All people here are invented. See the mails they got.
home-demo-link = Mails of the demo
