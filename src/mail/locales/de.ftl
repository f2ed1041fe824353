# Betreff und Vorschau stehen auf dem gesperrten Bildschirm: nichts Medizinisches, kein Name, keine Praxis, kein Wort wie dringend.

greeting = Guten Tag!

patient-invitation-subject = Bitte öffnen Sie Ihre sichere Seite
patient-invitation-preheader = Ihr Link ist in dieser Nachricht.
patient-invitation-sentence = Ihre Praxis hat eine sichere Seite für Sie eingerichtet.
patient-invitation-button = Meine Seite öffnen
patient-invitation-note = Sie wählen, wie Sie sich anmelden, und dann öffnet sich Ihre Seite.

member-invitation-subject = Sie sind in ein Team eingeladen
member-invitation-preheader = Ihr Link ist in dieser Nachricht.
member-invitation-sentence = Sie sind eingeladen, in ein Team zu kommen.
member-invitation-button = Dem Team beitreten
member-invitation-note = Wenn Sie das nicht erwartet haben, müssen Sie nichts tun.

sign-in-link-subject = Ihr Link zur Anmeldung
sign-in-link-preheader = Damit melden Sie sich einmal an.
sign-in-link-sentence = Hier ist Ihr Link zur Anmeldung.
sign-in-link-button = Anmelden
sign-in-link-note = Wenn Sie nicht darum gebeten haben, müssen Sie nichts tun.

password-reset-subject = Wählen Sie ein neues Passwort
password-reset-preheader = Ihr Link ist in dieser Nachricht.
password-reset-sentence = Mit diesem Link wählen Sie ein neues Passwort.
password-reset-button = Neues Passwort wählen
password-reset-note = Wenn Sie nicht darum gebeten haben, müssen Sie nichts tun. Ihr altes Passwort gilt weiter.

reminder-subject = Ihre tägliche Notiz ist bereit
reminder-preheader = Bitte öffnen Sie Ihre sichere Seite.
reminder-sentence = Ihre tägliche Notiz ist bereit.
reminder-button = Meine Notiz öffnen
reminder-note = Es dauert ein bis zwei Minuten.

alert-notice-subject = Sie haben eine neue Nachricht
alert-notice-preheader = Bitte öffnen Sie Ihre sichere Seite.
alert-notice-sentence = Eine neue Nachricht wartet auf Ihr Team.
alert-notice-button = Nachricht öffnen
alert-notice-note = Zum Schutz der Daten enthält diese E-Mail keine Einzelheiten.

address-change-subject = Bitte bestätigen Sie Ihre Adresse
address-change-preheader = Ihr Link ist in dieser Nachricht.
address-change-sentence = Mit diesem Link bestätigen Sie, dass diese Adresse Ihnen gehört.
address-change-button = Meine Adresse bestätigen
address-change-note = Wenn Sie nicht darum gebeten haben, müssen Sie nichts tun. Es ändert sich nichts.

address-changed-subject = Ihre Adresse wurde geändert
address-changed-preheader = Bitte lesen Sie dies, wenn Sie es nicht waren.
address-changed-sentence = Wir haben eine neue Adresse von Ihnen. Unsere E-Mails gehen ab jetzt dorthin.
address-changed-button = Meine Seite öffnen
address-changed-note = Wenn Sie nicht darum gebeten haben, rufen Sie bitte Ihre Praxis an.

valid-minutes = { $count ->
    [one] Der Link funktioniert einmal, { $count } Minute lang.
   *[other] Der Link funktioniert einmal, { $count } Minuten lang.
}
valid-hours = { $count ->
    [one] Der Link funktioniert einmal, { $count } Stunde lang.
   *[other] Der Link funktioniert einmal, { $count } Stunden lang.
}
valid-days = { $count ->
    [one] Der Link funktioniert einmal, { $count } Tag lang.
   *[other] Der Link funktioniert einmal, { $count } Tage lang.
}

phone-line = Fragen? Rufen Sie die Praxis an:
emergency-line = Im Notfall rufen Sie an:
emergency-elsewhere = oder die Notrufnummer vor Ort
watched-line = Nicht Tag und Nacht überwacht. Wir lesen Antworten: { $hours }.
link-help = Wenn der Knopf nicht funktioniert, öffnen Sie diesen Link:
unsubscribe-why = Sie bekommen diese Notiz, weil tägliche Notizen eingeschaltet sind.
unsubscribe = Diese E-Mails beenden
