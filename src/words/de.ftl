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

check-in-occurrence = zu welcher Abfrage die Antworten gehören
check-in-answered-at = wann Sie geantwortet haben
check-in-kept = Wir haben Ihre Antworten gespeichert, und die Praxis kann sie sehen. { $what } Wenn Sie sich Sorgen machen, rufen Sie uns an: {"{"}clinic_phone{"}"}. Im Notfall rufen Sie {"{"}emergency_number{"}"} an.
check-in-too-little = Sie sagen nicht genug über Ihre Haut, um bewertet zu werden.
check-in-not-judged-parts = Das konnte nicht bewertet werden: { $questions }.
check-in-kept-for-staff = Gespeichert: Lesen Sie es in der Abfrage.
check-in-rules-failed = Diese Regeln ergeben kein Ergebnis: { $rules }.
check-in-in-line = Ihre Antworten entsprechen dem, was an Tag { $day } üblich ist. Wenn sich etwas nicht richtig anfühlt, melden Sie sich trotzdem bei uns.
check-in-not-judged = Ihre Antworten sind gespeichert. Sie werden hier nicht bewertet. Wenn Sie sich Sorgen machen, melden Sie sich bei uns.
standing-line = Das sind allgemeine Informationen Ihrer Praxis. Sie sind keine Diagnose und ersetzen keinen Besuch. Wenn Sie sich Sorgen machen, melden Sie sich bei uns.

readiness-course-complete = Alle geplanten Sitzungen sind gemacht.
readiness-interval = Ihre Haut braucht Zeit: Die nächste Sitzung kann ab dem { $date } sein.
readiness-open-alert = Ihre Praxis prüft noch etwas in Ihrem Plan.
readiness-waits = Zuerst muss das medizinische Fachpersonal etwas entscheiden.
readiness-not-calm = Nach Ihren letzten Antworten ist Ihre Haut noch nicht ruhig.
readiness-not-answered = Uns fehlen neue Antworten. Beantworten Sie eine Abfrage, damit wir wissen, wie es Ihrer Haut geht.
readiness-no-more = Es sind keine weiteren Sitzungen geplant. Wenn Sie noch eine möchten, sprechen Sie mit Ihrer Praxis.
readiness-may-come = Nach dem, was wir wissen, spricht nichts gegen Ihre nächste Sitzung. Ihre Praxis entscheidet.
readiness-has-to-wait = Ihre nächste Sitzung muss vorerst warten. Ihre Praxis entscheidet.
date = { $day }. { $month } { $year }

plan-superseded = Der Plan Ihrer nächsten Sitzung tritt an die Stelle von diesem Plan.
plan-reinstated = Der Plan Ihrer nächsten Sitzung tritt doch nicht an die Stelle von diesem Plan. Dieser Plan läuft weiter.
plan-moved = Ihre Praxis hat die Anweisungen dieses Plans geändert.

unsubscribe-dead-title = Dieser Link funktioniert nicht mehr
unsubscribe-dead-text = Öffnen Sie ihn noch einmal aus Ihrer neuesten E-Mail. Sie können Erinnerungen auch auf Ihrer Seite ausschalten. Oder rufen Sie Ihre Praxis an.
unsubscribe-dead-link = Meine Seite öffnen

home-emergency = Im Notfall rufen Sie 112, 999 oder 911 an, oder die Notrufnummer bei Ihnen.
home-about = Nach einer Hautbehandlung sagt dieser Server, was heute zu tun ist. Er fragt, wie es der Haut geht, und meldet es der Praxis.
home-patients-heading = Für Patientinnen und Patienten
home-patients-text = Sehen Sie, was heute zu tun ist.
home-patients-link = Mein Tag
home-clinic-heading = Für die Praxis
home-clinic-text = Sehen Sie, wen Sie anrufen sollten.
home-clinic-link = Offene Warnungen
home-developers-heading = Für Entwicklerinnen und Entwickler
home-developers-text = Lesen und testen Sie die API.
home-developers-link = API-Referenz
home-demo-heading = Das ist eine Demo
home-demo-text = Alle Personen sind erfunden. Sehen Sie die E-Mails, die sie bekamen.
home-demo-link = E-Mails der Demo
