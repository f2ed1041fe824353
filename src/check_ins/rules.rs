//! What is said when nothing was found, and the line that stands under every answer (fact sheet 8.1).

/// "In line with what is common", never "you are fine".
pub fn in_line(locale: &str, day: i32) -> String {
    match language(locale) {
        "es" => format!(
            "Sus respuestas están dentro de lo habitual para el día {day}. Si nota algo raro, llámenos igualmente."
        ),
        _ => format!(
            "Your answers are in line with what is common on day {day}. If something feels wrong, contact us anyway."
        ),
    }
}

/// What is said where no rule is judged.
pub fn not_judged(locale: &str) -> &'static str {
    match language(locale) {
        "es" => "Hemos guardado sus respuestas. Aquí no se valoran. Si le preocupa algo, llámenos.",
        _ => "Your answers are saved. They are not judged here. If you are worried, contact us.",
    }
}

/// The standing line.
pub fn standing(locale: &str) -> &'static str {
    match language(locale) {
        "es" => {
            "Esta es información general de su clínica. No es un diagnóstico y no sustituye una visita. \
             Si está preocupado o preocupada, contáctenos."
        }
        _ => {
            "This is general information from your clinic. It is not a diagnosis and does not replace a visit. \
             If you are worried, contact us."
        }
    }
}

fn language(locale: &str) -> &str {
    locale.split('-').next().unwrap_or_default()
}
