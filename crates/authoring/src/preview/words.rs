//! The words around a plan's own, side by side in each language: whoever adds a language adds a column.

use serde::Serialize;

use engine::month_names;

macro_rules! words {
    ($($name:ident: $english:literal, $spanish:literal, $german:literal;)+) => {
        /// The words of one language. `{...}` stands for what is filled in.
        #[derive(Debug, Serialize)]
        pub(super) struct Words {
            $(pub(super) $name: &'static str,)+
            /// Monday first.
            pub(super) weekdays: [&'static str; 7],
            pub(super) weekdays_short: [&'static str; 7],
            /// January first.
            pub(super) months: [&'static str; 12],
            pub(super) months_short: [&'static str; 12],
        }

        static ENGLISH: Words = Words {
            $($name: $english,)+
            weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
            weekdays_short: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
            months: month_names::ENGLISH,
            months_short: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        };

        static SPANISH: Words = Words {
            $($name: $spanish,)+
            weekdays: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
            weekdays_short: ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
            months: month_names::SPANISH,
            months_short: ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
        };

        static GERMAN: Words = Words {
            $($name: $german,)+
            weekdays: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
            weekdays_short: ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"],
            months: month_names::GERMAN,
            months_short: ["Jan", "Feb", "März", "Apr", "Mai", "Juni", "Juli", "Aug", "Sept", "Okt", "Nov", "Dez"],
        };
    };
}

impl Words {
    /// The words for a locale, by its language; English if there are none.
    pub(super) fn of(locale: &str) -> &'static Self {
        match engine::language(locale) {
            "es" => &SPANISH,
            "de" => &GERMAN,
            _ => &ENGLISH,
        }
    }

    /// What stands for a number of the clinic that is not known.
    pub(super) fn missing(&self, name: &str) -> Option<&'static str> {
        match name {
            "clinic_phone" => Some(self.no_phone),
            "out_of_hours" => Some(self.no_out_of_hours),
            "emergency_number" => Some(self.no_emergency),
            _ => None,
        }
    }

    /// How soon a person must act.
    pub(super) fn urgency(&self, urgency: engine::Urgency) -> &'static str {
        match urgency {
            engine::Urgency::Note => self.note,
            engine::Urgency::Soon => self.soon,
            engine::Urgency::Urgent => self.urgent,
            engine::Urgency::Emergency => self.emergency,
        }
    }
}

words! {
    language: "en", "es", "de";

    // Days and dates.
    day: "Day", "Día", "Tag";
    days: "Days", "Días", "Tage";
    a_day: "day {day}", "día {day}", "Tag {day}";
    week: "Week", "Semana", "Woche";
    date_long: "{weekday} {day} {month}", "{weekday} {day} de {month}", "{weekday}, {day}. {month}";
    date_short: "{weekday} {day} {month}", "{weekday} {day} {month}", "{weekday}, {day}. {month}";
    with_year: "{date} {year}", "{date} de {year}", "{date} {year}";
    until: "up to and including {date}", "hasta el {date} inclusive", "bis einschließlich {date}";
    from_until: "from {from} up to and including {date}", "desde el {from} hasta el {date} inclusive", "ab {from} bis einschließlich {date}";
    longer_until: "longer if your answers call for it, at most up to and including {date}",
        "más tiempo si sus respuestas lo piden, como máximo hasta el {date} inclusive",
        "länger, wenn Ihre Antworten es nahelegen, höchstens bis einschließlich {date}";
    from_hour: "from {hour}", "desde las {hour}", "ab {hour} Uhr";
    between_hours: "{from} to {to}", "de {from} a {to}", "{from} bis {to} Uhr";

    // The calendar, and the numbers to call.
    treated_on: "Treated on", "Fecha del tratamiento", "Behandelt am";
    applies: "For this treatment", "Para este tratamiento", "Für diese Behandlung";
    calendar_of: "Your calendar", "Su calendario", "Ihr Kalender";
    day_zero: "Day 0 is the day of the treatment.", "El día 0 es el día del tratamiento.", "Tag 0 ist der Tag der Behandlung.";
    first: "A clinician must decide first", "Primero debe decidir el personal clínico", "Zuerst muss eine Fachperson entscheiden";
    meanwhile: "shown while a clinician decides", "se muestra mientras decide el personal clínico", "gilt auch, bis eine Fachperson entschieden hat";
    instructions: "Do", "Hacer", "Tun";
    restrictions: "Avoid", "Evitar", "Vermeiden";
    tasks: "Tick off", "Marcar", "Abhaken";
    check_ins: "Check-in", "Control", "Befragung";
    photos: "Photos", "Fotos", "Fotos";
    photos_if_you_like: "Photos, if you like", "Fotos, si quiere", "Fotos, wenn Sie möchten";
    education: "Read", "Leer", "Lesen";
    common: "Common", "Frecuente", "Häufig";
    asks: "asks", "pregunta", "fragt";
    no_phone: "[clinic phone]", "[teléfono de la clínica]", "[Telefon der Praxis]";
    no_out_of_hours: "[out of hours]", "[fuera de horario]", "[außerhalb der Sprechzeiten]";
    no_emergency: "[emergency number]", "[número de emergencias]", "[Notruf]";
    emergency_number: "Emergency", "Emergencia", "Notfall";
    clinic_phone: "Clinic", "Clínica", "Praxis";
    out_of_hours: "When we are closed", "Fuera de horario", "Wenn wir geschlossen haben";
    numbers_missing: "Numbers are missing: write them in before you hand this out.",
        "Faltan números: escríbalos antes de entregar esta hoja.",
        "Es fehlen Nummern: Tragen Sie sie ein, bevor Sie das Blatt ausgeben.";
    call_emergency: "Call {emergency_number} at once for any of these",
        "Llame enseguida al {emergency_number} si tiene algo de esto",
        "Rufen Sie sofort {emergency_number} an, wenn eines davon zutrifft";
    call_urgent: "Call us the same day: {clinic_phone}. Closed, or no answer? {out_of_hours}",
        "Llámenos el mismo día: {clinic_phone}. ¿Cerrado o no contestan? {out_of_hours}",
        "Rufen Sie uns am selben Tag an: {clinic_phone}. Geschlossen, oder niemand nimmt ab? {out_of_hours}";
    call_soon: "Contact us within 1 working day: {clinic_phone}. Closed, and it cannot wait? {out_of_hours}",
        "Póngase en contacto en 1 día laborable: {clinic_phone}. ¿Cerrado y no puede esperar? {out_of_hours}",
        "Melden Sie sich innerhalb von 1 Werktag: {clinic_phone}. Geschlossen, und es kann nicht warten? {out_of_hours}";
    goes_on: "Still in force after these two weeks", "Sigue vigente después de estas dos semanas", "Gilt nach diesen zwei Wochen weiter";
    later: "Later", "Más adelante", "Später";
    meaning: "What the lines mean", "Qué significa cada línea", "Was die Zeilen bedeuten";
    more: "More to read, in the app or from us", "Más para leer, en la aplicación o con nosotros", "Mehr zum Lesen, in der App oder bei uns";
    general: "This is general information. It is not a diagnosis and does not replace a visit. A clinician must have approved it before you get it.",
        "Esta es información general. No es un diagnóstico y no sustituye una visita. El personal clínico debe haberla aprobado antes de entregársela.",
        "Dies sind allgemeine Informationen. Sie sind keine Diagnose und ersetzen keinen Besuch. Eine Fachperson muss sie freigegeben haben, bevor Sie sie erhalten.";

    // The sheet for the approver.
    sheet: "To be approved by a clinician", "Para aprobación por el personal clínico", "Zur Freigabe durch eine Fachperson";
    document: "Document", "Documento", "Dokument";
    sheet_how: "Tick each line that you agree with, and write your change beside each that you do not. The calendar shows one treatment; this table holds the whole plan, with all that applies only to some.",
        "Marque cada línea con la que esté de acuerdo y escriba al lado el cambio si no lo está. El calendario muestra un tratamiento; esta tabla contiene todo el plan, también lo que solo vale para algunas personas.",
        "Haken Sie jede Zeile ab, der Sie zustimmen, und schreiben Sie Ihre Änderung daneben, wenn nicht. Der Kalender zeigt eine Behandlung; diese Tabelle enthält den ganzen Plan, auch was nur für manche gilt.";
    column_key: "Key", "Clave", "Schlüssel";
    column_says: "What it says", "Qué dice", "Was es besagt";
    column_grounds: "Source or assumption", "Fuente o supuesto", "Quelle oder Annahme";
    column_agreed: "Agreed", "De acuerdo", "OK";
    exclusions: "Reasons not to start without a clinician", "Motivos para no empezar sin el personal clínico", "Gründe, nicht ohne Fachperson zu beginnen";
    signs: "Signs that are asked about", "Señales por las que se pregunta", "Zeichen, nach denen gefragt wird";
    rules: "Rules and thresholds", "Reglas y umbrales", "Regeln und Schwellenwerte";
    not_judged: "Days on which an answer is kept and not judged", "Días en que una respuesta se guarda y no se valora", "Tage, an denen eine Antwort gespeichert und nicht bewertet wird";
    restrictions_and_holds: "What to avoid, and what keeps it in force (holds)", "Qué evitar y qué lo prolonga", "Was zu vermeiden ist, und was es verlängert";
    curves: "What is expected each day, 0 to 10", "Qué se espera cada día, de 0 a 10", "Was an jedem Tag erwartet wird, 0 bis 10";
    phases: "What the patient is told is common", "Qué se le dice que es frecuente", "Was als häufig beschrieben wird";
    choices_of_the_clinic: "What the clinic chooses or fills in", "Qué elige o rellena la clínica", "Was die Praxis wählt oder einträgt";
    variants: "Kinds of patients that the plan tells apart", "Tipos de pacientes que distingue el plan", "Arten von Patienten, die der Plan unterscheidet";
    numbers_of_the_plan: "Numbers of the plan", "Números del plan", "Zahlen des Plans";
    questions: "Questions of the check-ins", "Preguntas de los controles", "Fragen der Befragungen";
    assumptions: "Assumptions: no source was found, or no single one was read", "Supuestos: no se encontró fuente o no se leyó una concreta", "Annahmen: keine Quelle gefunden, oder keine einzelne gelesen";
    sources: "Sources", "Fuentes", "Quellen";
    condition: "Condition", "Condición", "Bedingung";
    only_for: "Only if", "Solo si", "Nur wenn";
    advice: "Patient is told", "Se le dice", "Patient liest";
    raised: "Raised to", "Sube a", "Erhöht auf";
    raised_if: "if", "si", "wenn";
    each_of: "Each of", "Cada uno de", "Je für";
    hold: "Held while", "Se mantiene mientras", "Verlängert, solange";
    hold_to: "at most to day {day}", "como máximo hasta el día {day}", "höchstens bis Tag {day}";
    hold_unknown: "also while nothing was answered", "también si no hubo respuesta", "auch solange nichts geantwortet wurde";
    hold_known: "not while nothing was answered", "no si no hubo respuesta", "nicht, solange nichts geantwortet wurde";
    protects_from: "May not end before", "No puede acabar antes de", "Darf nicht enden vor";
    shown_meanwhile: "Shown even while a clinician decides about a reason not to start",
        "Se muestra también mientras se decide sobre un motivo para no empezar",
        "Auch sichtbar, solange über einen Grund, nicht zu beginnen, entschieden wird";
    hours: "Hours", "Horas", "Uhrzeit";
    begins_after: "Begins, where the time of treatment is known", "Empieza, si se conoce la hora del tratamiento", "Beginnt, wenn die Uhrzeit der Behandlung bekannt ist";
    ends_after: "Ends, where the time of treatment is known", "Termina, si se conoce la hora del tratamiento", "Endet, wenn die Uhrzeit der Behandlung bekannt ist";
    hours_after: "{hours} hours after it", "{hours} horas después", "{hours} Stunden danach";
    timed_says: "It says then", "Entonces dice", "Dann steht dort";
    reminder: "Reminder", "Recordatorio", "Erinnerung";
    late_until: "Answer accepted until", "Respuesta aceptada hasta", "Antwort möglich bis";
    range: "Sources said", "Las fuentes dicen", "Quellen sagen";
    on_silence: "On a check-in without an answer", "En un control sin respuesta", "Bei einer Befragung ohne Antwort";
    on_day: "On the day, for everybody it holds for", "Ese día, para quien la cumpla", "An dem Tag, für alle, auf die es zutrifft";
    from_day: "from day {day}", "desde el día {day}", "ab Tag {day}";
    all_symptoms: "all symptoms", "todos los síntomas", "alle Symptome";
    choices: "Choices", "Opciones", "Auswahl";
    usual: "no reason to act", "no exige actuar", "kein Grund zu handeln";
    default: "If nothing is said", "Si no se dice nada", "Ohne Angabe";
    must_be_said: "must be given", "hay que indicarlo", "muss angegeben werden";
    yes_or_no: "yes or no", "sí o no", "ja oder nein";
    no: "no", "no", "nein";
    yes: "yes", "sí", "ja";
    no_rule: "no rule reads it", "ninguna regla la lee", "keine Regel liest sie";
    for_result: "how the treatment turned out", "cómo resultó el tratamiento", "wie die Behandlung gelungen ist";
    for_adherence: "whether the plan could be followed", "si se pudo seguir el plan", "ob der Plan eingehalten werden konnte";
    for_record: "staff read it themselves", "la lee el personal", "das Team liest sie selbst";
    scale: "Scale", "Escala", "Skala";
    never_judged: "Nobody is alarmed by such an answer, for example {answer}", "Nadie recibe aviso por una respuesta así, por ejemplo {answer}", "Eine solche Antwort löst nichts aus, zum Beispiel {answer}";
    asked_then: "The plan asks on these days.", "El plan pregunta esos días.", "Der Plan fragt an diesen Tagen.";
    not_asked_then: "The plan does not ask then; a patient can still write.", "El plan no pregunta entonces; la persona puede escribir.", "Der Plan fragt dann nicht; Patienten können trotzdem schreiben.";
    last_day: "Last day of the plan", "Último día del plan", "Letzter Tag des Plans";
    r2_start: "Day from which a rise counts (r2_start_day)", "Día desde el que cuenta una subida (r2_start_day)", "Tag, ab dem ein Anstieg zählt (r2_start_day)";
    sessions: "Sessions", "Sesiones", "Sitzungen";
    sessions_usual: "usually {number}", "normalmente {number}", "meist {number}";
    sessions_apart: "{number} days apart, at least {least}", "cada {number} días, como mínimo {least}", "im Abstand von {number} Tagen, mindestens {least}";
    sessions_replace: "A next session that comes sooner replaces the rest of this plan", "Una próxima sesión antes de tiempo sustituye el resto de este plan", "Eine frühere nächste Sitzung ersetzt den Rest dieses Plans";
    used_in: "Used in", "Se usa en", "Verwendet in";
    own: "described in this document", "descrita en este documento", "in diesem Dokument beschrieben";
    grade: "Grade", "Grado", "Grad";
    grades: "A: peer-reviewed, regulator or national body. B: hospital, dermatologist, textbook or manufacturer. C: commercial page.",
        "A: revisada por pares, regulador u organismo nacional. B: hospital, dermatología, manual o fabricante. C: página comercial.",
        "A: begutachtet, Behörde oder nationale Stelle. B: Klinik, Hautarzt, Lehrbuch oder Hersteller. C: kommerzielle Seite.";
    reading_all: "“The expected level” is what the curve says for the day, 0 to 10. “The time before” is the answer before this one. What was not answered is unknown, and such a condition does not hold.",
        "«El nivel esperado» es lo que dice la curva para el día, de 0 a 10. «La vez anterior» es la respuesta anterior a esta. Lo que no se contestó se desconoce, y esa condición no se cumple.",
        "„Der erwartete Wert“ ist, was die Kurve für den Tag sagt, 0 bis 10. „Beim Mal davor“ meint die Antwort vor dieser. Was nicht beantwortet wurde, ist unbekannt, und eine solche Bedingung trifft nicht zu.";

    // Conditions.
    quoted: "“{words}”", "«{words}»", "„{words}“";
    decimal_mark: ".", ",", ",";
    list_or: " or ", " o ", " oder ";
    if_always: "always", "siempre", "immer";
    if_never: "never", "nunca", "nie";
    if_and: ", and ", ", y ", ", und ";
    if_or: ", or ", ", o ", ", oder ";
    if_denied: "it is not so that {it}", "no es cierto que {it}", "es gilt nicht: {it}";
    if_choose: "if {when}, then {then}; otherwise {otherwise}", "si {when}, entonces {then}; si no, {otherwise}", "gilt {when}, dann {then}; sonst {otherwise}";
    if_every: "for every {name} of {list}: {it}", "para cada {name} de {list}: {it}", "für jedes {name} aus {list}: {it}";
    if_some: "for at least one {name} of {list}: {it}", "para al menos un {name} de {list}: {it}", "für mindestens ein {name} aus {list}: {it}";
    if_both_or_none: "both or neither is so: {a}; {b}", "se cumplen ambas o ninguna: {a}; {b}", "beides oder keines trifft zu: {a}; {b}";
    if_just_one: "just one is so: {a}; {b}", "se cumple solo una: {a}; {b}", "nur eines trifft zu: {a}; {b}";
    if_applies: "{a} applies", "{a} se aplica", "{a} trifft zu";
    if_applies_not: "{a} does not apply", "{a} no se aplica", "{a} trifft nicht zu";
    if_yes: "the answer is yes: {a}", "la respuesta es sí: {a}", "die Antwort ist Ja: {a}";
    if_no: "the answer is no: {a}", "la respuesta es no: {a}", "die Antwort ist Nein: {a}";
    if_answered: "an answer has come at some time", "alguna vez llegó una respuesta", "es kam schon einmal eine Antwort";
    if_unanswered: "no answer has ever come", "nunca llegó una respuesta", "es kam noch nie eine Antwort";
    if_is: "{a} is {b}", "{a} es {b}", "{a} ist {b}";
    if_is_not: "{a} is not {b}", "{a} no es {b}", "{a} ist nicht {b}";
    if_none_of: "{a} is none of {b}", "{a} no es ninguno de {b}", "{a} ist keines von {b}";
    if_at_least: "{a} is {b} or more", "{a} es {b} o más", "{a} ist {b} oder mehr";
    if_more: "{a} is more than {b}", "{a} es más de {b}", "{a} ist mehr als {b}";
    if_at_most: "{a} is {b} or less", "{a} es {b} o menos", "{a} ist {b} oder weniger";
    if_less: "{a} is less than {b}", "{a} es menos de {b}", "{a} ist weniger als {b}";
    if_at_least_that: "{a} is at least {b}", "{a} es al menos {b}", "{a} ist mindestens {b}";
    if_more_than: "{a} is more than {b}", "{a} es mayor que {b}", "{a} ist höher als {b}";
    if_at_most_that: "{a} is at most {b}", "{a} es como máximo {b}", "{a} ist höchstens {b}";
    if_less_than: "{a} is less than {b}", "{a} es menor que {b}", "{a} ist niedriger als {b}";
    if_higher_by: "{a} is at least {by} higher than {b}", "{a} es al menos {by} más que {b}", "{a} ist um mindestens {by} höher als {b}";
    if_includes: "{list} includes {a}", "{list} incluye {a}", "{list} enthält {a}";
    if_day: "it is {b}", "es el {b}", "es ist {b}";
    if_day_not: "it is not {b}", "no es el {b}", "es ist nicht {b}";
    if_day_from: "it is {b} or later", "es el {b} o después", "es ist {b} oder später";
    if_day_after: "it is after {b}", "es después del {b}", "es ist nach {b}";
    if_day_until: "it is {b} or earlier", "es el {b} o antes", "es ist {b} oder früher";
    if_day_before: "it is before {b}", "es antes del {b}", "es ist vor {b}";
    if_sign: "the sign {sign} is reported", "se comunica la señal {sign}", "das Zeichen {sign} ist gemeldet";
    if_one_sign: "one of the signs {signs} is reported", "se comunica una de las señales {signs}", "eines der Zeichen {signs} ist gemeldet";
    if_sign_before: "the sign {sign} was reported the time before", "se comunicó la señal {sign} la vez anterior", "das Zeichen {sign} war beim Mal davor gemeldet";
    if_nothing: "nothing", "nada", "nichts";
    if_plus: "{a} plus {b}", "{a} más {b}", "{a} plus {b}";
    if_minus: "{a} minus {b}", "{a} menos {b}", "{a} minus {b}";
    if_times: "{a} times {b}", "{a} por {b}", "{a} mal {b}";
    if_negative: "minus {a}", "menos {a}", "minus {a}";
    if_chosen: "({then} if {when}, otherwise {otherwise})", "({then} si {when}; si no, {otherwise})", "({then}, falls gilt: {when}; sonst {otherwise})";
    if_size: "the number of entries in {list}", "el número de entradas en {list}", "die Anzahl der Einträge in {list}";
    if_the_day: "the day", "el día", "der Tag";
    if_rise_day: "{b} (from which a rise counts)", "{b} (desde el que cuenta una subida)", "{b} (ab dem ein Anstieg zählt)";
    if_level: "the level", "el nivel", "der Wert";
    if_expected: "the expected level", "el nivel esperado", "der erwartete Wert";
    if_expected_of: "the expected level of {a}", "el nivel esperado de {a}", "der erwartete Wert von {a}";
    if_previous: "the level the time before", "el nivel de la vez anterior", "der Wert beim Mal davor";
    if_before: "{a} the time before", "{a} la vez anterior", "{a} beim Mal davor";
    if_symptom: "the symptom", "el síntoma", "das Symptom";
    if_signs: "the signs reported", "las señales comunicadas", "die gemeldeten Zeichen";
    if_signs_before: "the signs reported the time before", "las señales comunicadas la vez anterior", "die beim Mal davor gemeldeten Zeichen";
    if_missed: "the number of check-ins in a row without an answer", "el número de controles seguidos sin respuesta", "die Zahl der Befragungen in Folge ohne Antwort";

    // Urgencies and the decision.
    emergency: "Emergency", "Emergencia", "Notfall";
    urgent: "Urgent: call now, same day", "Urgente: llamar ya, el mismo día", "Dringend: sofort anrufen, am selben Tag";
    soon: "Soon: within 1 working day", "Pronto: en 1 día laborable", "Bald: innerhalb von 1 Werktag";
    note: "Note: at the next review", "Nota: en la próxima revisión", "Hinweis: bei der nächsten Durchsicht";
    decision: "Decision", "Decisión", "Entscheidung";
    approved: "Approved as it stands", "Aprobado tal como está", "Unverändert freigegeben";
    approved_with: "Approved with the changes written above", "Aprobado con los cambios escritos arriba", "Mit den oben eingetragenen Änderungen freigegeben";
    not_approved: "Not approved", "No aprobado", "Nicht freigegeben";
    signer: "Clinician", "Personal clínico", "Fachperson";
    second: "Second reader, if the clinic wants one", "Segunda lectura, si la clínica la quiere", "Zweite Person, falls gewünscht";
    name: "Name", "Nombre", "Name";
    role: "Role and registration number", "Cargo y número de colegiado", "Funktion und Registriernummer";
    date: "Date", "Fecha", "Datum";
    signature: "Signature", "Firma", "Unterschrift";
}
