// The pages behind mailed links, for people without the app. They talk to the API like any other client.
// The last part of the path names the page; a mailed link's token stands behind `#`, so that it reaches no server log.

import * as dates from "/open/dates.js";
import { numbersIn } from "/open/numbers.js";

const TEXTS = {
  en: {
    something_wrong: "Something is wrong", something_wrong_hint: "Tell us at any time. Do not wait for the next check-in.", once_more: "How is your skin today?", once_more_hint: "Did we ask you to answer again? Do it here.", last_advice: "Our last advice", any_emergency: "In an emergency call 112, 999 or 911, or your local number.",
    page_invitation: "Welcome", page_sign_in: "Sign in", page_password: "Set a new password", page_address: "Your new address", confirm_address: "Confirm this address", address_confirmed: "Your new address is set. Our mails go there now.", page_today: "Today", page_clinic: "Open alerts",
    email: "E-mail", password: "Password", new_password: "New password", show_password: "Show the password",
    password_hint: "15 characters or more. A sentence is a good password.",
    invitation_hint: "Patients may leave it empty and sign in by mailed links. Do you have a password here already? Then give that one.",
    clinic_id: "Clinic id", clinic_id_hint: "This account acts for more than one clinic. The message below names them.",
    accept: "Accept and go on", sign_in: "Sign in", sign_out: "Sign out", mail_link: "Mail me a link", forgot: "Set a new password",
    link_mailed: "If we know this address, a mail is on its way. The link works once, for 10 minutes.",
    password_set: "Your new password is set. Sign in with it.", link_broken: "This link is not complete. Please open it from the mail again.",
    you_are_in: "You are in.", go_to_clinic: "Go to the open alerts", api_docs: "API reference",
    for_staff: "You are signed in for a clinic. This page is for patients.", for_patients: "You are signed in as a patient. Sign in as staff to see alerts.",
    not_staff: "This account does not act for a clinic.", problem_session_ended: "Your sign-in has ended. Please sign in again.", again: "Try again",
    in_emergency: "In an emergency call", call_now: "Call now:", clinic_phone: "Clinic phone:", closed: "When we are closed:",
    not_watched: "Not watched day and night.", we_read: (hours) => `We read answers: ${hours}.`,
    reads_now: (until) => (until ? `A person is reading now, until ${until}.` : "A person is reading now."), reads_next: (at) => `A person reads next: ${at}.`,
    nobody_reads: "Nobody reads your answers here. Call the clinic if you are worried.",
    do_now: "Do now", nothing_now: "Nothing to do right now.", not_before: (date) => `Not before ${date}`, until_ready: "Until your skin is ready", in_days: (days) => (days === 1 ? "tomorrow" : `in ${days} days`),
    get_help: "When to call", later: "Later today", photos: "Photos, if you like", done_today: "Done", asked_before: "Asked before, still open", counted: (title, count) => `${title} (${count})`, questions: (count) => `Answer now: ${count} questions`,
    no_plan: "No plan is running.", day: (day) => `Day ${day}`, common: "What is common now", helps: "What helps",
    restrictions: "Not yet", instructions: "What to do", education: "Good to know",
    from: (time) => `From ${time}.`, held: "This stays until a check-in shows that your skin is ready.", views: (views) => `Views: ${views}.`,
    opens: (time) => `Opens ${time}.`, until: (time) => `Until ${time}.`, not_too_late: (time) => `It is not too late: until ${time}.`, mark_done: "Done", undo: "Undo",
    done: "Done", partial: "Done in part", skipped: "Skipped", missed: "The time for this is over.", cancelled: "Not needed.",
    form_hint: "Leave out what you do not know.", yes: "Yes", no: "No", none: "None of these", clear: "Clear", degrees: "Degrees",
    send: "Send", send_now: "Send now, skip the rest", nothing_answered: "Answer at least one question.", our_advice: "Our advice", sent: "Your answers are sent.",
    answer_by: (time) => `No answer by ${time}? Call the clinic.`, now_closed: "We are closed now. Call:",
    emergency: "Emergency", urgent: "Call the clinic now", soon: "Within 1 working day", note: "For your information",
    reminders: "Reminder mails", reminders_on: "Reminder mails are on.", reminders_off: "Reminder mails are off.", stop_reminders: "Stop reminder mails", start_reminders: "Start reminder mails",
    no_alerts: "No open alerts.", without_plan: "No plan", due: (time) => `Answer until ${time}`, overdue: "Overdue", acknowledge: "Acknowledge", acknowledged: "Acknowledged",
    level_emergency: "Emergency", level_urgent: "Urgent", level_soon: "Soon", level_note: "Note",
    offline: "The server cannot be reached. Try again.", problem_sign_in_needed: "The e-mail or the password is not right.",
    problem_link_used_up: "This link was used or has run out. Ask for a new one.", problem_stale: "This changed in the meantime. Load the page again.",
    problem_account_exists: "This address has an account already. Sign in first, then open this link again.", problem_address_taken: "Another account has this address.", problem_too_many_requests: "Too many requests. Wait a little and try again.",
    problem_too_many_tries: "Too many tries. Wait a little and try again.", problem_too_short: "This is too short: 15 characters or more.",
    problem_too_common: "This is too easy to guess. Write a sentence of your own, without your name, your address or the clinic's name.",
    problem_too_weak: "Use at least 5 different characters.", problem_wrong_password: "This address has an account already: give its password.",
    problem_missing_field: "This address has an account already: give its password.", problem_not_an_address: "Give one e-mail address, like name@example.org.",
    problem_out_of_range: "Give a temperature from 30 to 45 °C, or from 86 to 113 °F.",
  },
  es: {
    something_wrong: "Algo va mal", something_wrong_hint: "Díganoslo en cualquier momento. No espere a las próximas preguntas.", once_more: "¿Cómo está su piel hoy?", once_more_hint: "¿Le pedimos que respondiera otra vez? Hágalo aquí.", last_advice: "Nuestro último consejo", any_emergency: "En una emergencia llame al 112, al 999 o al 911, o a su número local.",
    page_invitation: "Le damos la bienvenida", page_sign_in: "Iniciar sesión", page_password: "Nueva contraseña", page_address: "Su nueva dirección", confirm_address: "Confirmar esta dirección", address_confirmed: "Su nueva dirección está guardada. Le escribiremos ahí.", page_today: "Hoy", page_clinic: "Avisos abiertos",
    email: "Correo electrónico", password: "Contraseña", new_password: "Nueva contraseña", show_password: "Mostrar la contraseña",
    password_hint: "15 caracteres o más. Una frase es una buena contraseña.",
    invitation_hint: "Si es paciente, puede dejarla vacía y entrar con enlaces por correo. ¿Ya tiene aquí una contraseña? Escriba esa.",
    clinic_id: "Id de la clínica", clinic_id_hint: "Esta cuenta actúa para más de una clínica. El mensaje de abajo las nombra.",
    accept: "Aceptar y seguir", sign_in: "Entrar", sign_out: "Cerrar sesión", mail_link: "Enviarme un enlace", forgot: "Poner una contraseña nueva",
    link_mailed: "Si conocemos esta dirección, le llegará un correo. El enlace sirve una vez, durante 10 minutos.",
    password_set: "Su nueva contraseña está guardada. Entre con ella.", link_broken: "Este enlace no está completo. Ábralo otra vez desde el correo.",
    you_are_in: "Ya está dentro.", go_to_clinic: "Ir a los avisos abiertos", api_docs: "Referencia de la API",
    for_staff: "Ha entrado como personal de una clínica. Esta página es para pacientes.", for_patients: "Ha entrado como paciente. Entre como personal para ver los avisos.",
    not_staff: "Esta cuenta no actúa para una clínica.", problem_session_ended: "Su sesión ha terminado. Entre otra vez.", again: "Probar otra vez",
    in_emergency: "En una emergencia llame al", call_now: "Llame ahora al:", clinic_phone: "Teléfono de la clínica:", closed: "Cuando está cerrado:",
    not_watched: "No se vigila día y noche.", we_read: (hours) => `Leemos las respuestas: ${hours}.`,
    reads_now: (until) => (until ? `Alguien lee ahora, hasta ${until}.` : "Alguien lee ahora."), reads_next: (at) => `Alguien volverá a leer: ${at}.`,
    nobody_reads: "Aquí nadie lee sus respuestas. Si algo le preocupa, llame a la clínica.",
    do_now: "Qué hacer ahora", nothing_now: "Ahora no hay nada que hacer.", not_before: (date) => `No antes del ${date}`, until_ready: "Hasta que la piel esté lista", in_days: (days) => (days === 1 ? "mañana" : `en ${days} días`),
    get_help: "Cuándo llamar", later: "Más tarde, hoy", photos: "Fotos, si quiere", done_today: "Hecho", asked_before: "Preguntas anteriores, aún abiertas", counted: (title, count) => `${title} (${count})`, questions: (count) => `Responder ahora: ${count} preguntas`,
    no_plan: "No hay ningún plan en marcha.", day: (day) => `Día ${day}`, common: "Lo habitual ahora", helps: "Lo que ayuda",
    restrictions: "Todavía no", instructions: "Qué hacer", education: "Conviene saber",
    from: (time) => `Desde: ${time}.`, held: "Esto sigue hasta que sus respuestas muestren que la piel está lista.", views: (views) => `Vistas: ${views}.`,
    opens: (time) => `Se abre: ${time}.`, until: (time) => `Hasta: ${time}.`, not_too_late: (time) => `Todavía está a tiempo: hasta ${time}.`, mark_done: "Hecho", undo: "Deshacer",
    done: "Hecho", partial: "Hecho en parte", skipped: "No se hizo", missed: "El plazo ha terminado.", cancelled: "No hace falta.",
    form_hint: "Deje en blanco lo que no sepa.", yes: "Sí", no: "No", none: "Nada de esto", clear: "Borrar", degrees: "Grados",
    send: "Enviar", send_now: "Enviar ya, sin el resto", nothing_answered: "Responda al menos a una pregunta.", our_advice: "Nuestro consejo", sent: "Sus respuestas se han enviado.",
    answer_by: (time) => `¿Sin respuesta hasta ${time}? Llame a la clínica.`, now_closed: "Ahora está cerrado. Llame al:",
    emergency: "Emergencia", urgent: "Llame ahora a la clínica", soon: "En un plazo de 1 día laborable", note: "Para su información",
    reminders: "Correos de recordatorio", reminders_on: "Los recordatorios están activados.", reminders_off: "Los recordatorios están desactivados.", stop_reminders: "No recibir más recordatorios", start_reminders: "Recibir recordatorios",
    no_alerts: "No hay avisos abiertos.", without_plan: "Sin plan", due: (time) => `Responder hasta ${time}`, overdue: "Fuera de plazo", acknowledge: "Me encargo", acknowledged: "Alguien se encarga",
    level_emergency: "Emergencia", level_urgent: "Urgente", level_soon: "Pronto", level_note: "Nota",
    offline: "No se puede conectar con el servidor. Pruebe otra vez.", problem_sign_in_needed: "El correo o la contraseña no son correctos.",
    problem_link_used_up: "Este enlace ya se usó o ha caducado. Pida uno nuevo.", problem_stale: "Esto ha cambiado entretanto. Cargue la página de nuevo.",
    problem_account_exists: "Esta dirección ya tiene una cuenta. Entre primero y abra otra vez este enlace.", problem_address_taken: "Otra cuenta tiene esta dirección.", problem_too_many_requests: "Demasiadas peticiones. Espere un poco y pruebe otra vez.",
    problem_too_many_tries: "Demasiados intentos. Espere un poco y pruebe otra vez.", problem_too_short: "Es demasiado corta: 15 caracteres o más.",
    problem_too_common: "Es demasiado fácil de adivinar. Escriba una frase propia, sin su nombre, su dirección ni el nombre de la clínica.",
    problem_too_weak: "Use al menos 5 caracteres distintos.",
    problem_wrong_password: "Esta dirección ya tiene una cuenta: escriba su contraseña.", problem_missing_field: "Esta dirección ya tiene una cuenta: escriba su contraseña.",
    problem_not_an_address: "Escriba una dirección de correo, como nombre@example.org.",
    problem_out_of_range: "Dé una temperatura de 30 a 45 °C, o de 86 a 113 °F.",
  },
  de: {
    something_wrong: "Etwas stimmt nicht", something_wrong_hint: "Sagen Sie es uns jederzeit. Warten Sie nicht auf die nächsten Fragen.", once_more: "Wie ist Ihre Haut heute?", once_more_hint: "Sollten Sie noch einmal antworten? Hier können Sie es tun.", last_advice: "Unser letzter Rat", any_emergency: "Im Notfall rufen Sie 112, 999 oder 911 an, oder die Notrufnummer bei Ihnen.",
    page_invitation: "Willkommen", page_sign_in: "Anmelden", page_password: "Neues Passwort festlegen", page_address: "Ihre neue Adresse", confirm_address: "Diese Adresse bestätigen", address_confirmed: "Ihre neue Adresse ist gespeichert. Unsere E-Mails gehen jetzt dorthin.", page_today: "Heute", page_clinic: "Offene Warnungen",
    email: "E-Mail", password: "Passwort", new_password: "Neues Passwort", show_password: "Passwort anzeigen",
    password_hint: "15 Zeichen oder mehr. Ein Satz ist ein gutes Passwort.",
    invitation_hint: "Patientinnen und Patienten können das leer lassen und sich mit Links per E-Mail anmelden. Haben Sie hier schon ein Passwort? Dann geben Sie dieses ein.",
    clinic_id: "Kennung der Praxis", clinic_id_hint: "Dieses Konto gehört zu mehr als einer Praxis. Die Meldung unten nennt sie.",
    accept: "Annehmen und weiter", sign_in: "Anmelden", sign_out: "Abmelden", mail_link: "Link per E-Mail schicken", forgot: "Neues Passwort festlegen",
    link_mailed: "Wenn wir diese Adresse kennen, ist eine E-Mail unterwegs. Der Link funktioniert einmal, 10 Minuten lang.",
    password_set: "Ihr neues Passwort ist gespeichert. Melden Sie sich damit an.", link_broken: "Dieser Link ist nicht vollständig. Bitte öffnen Sie ihn noch einmal aus der E-Mail.",
    you_are_in: "Sie sind angemeldet.", go_to_clinic: "Zu den offenen Warnungen", api_docs: "API-Referenz",
    for_staff: "Sie sind als Team einer Praxis angemeldet. Diese Seite ist für Patientinnen und Patienten.", for_patients: "Sie sind als Patientin oder Patient angemeldet. Melden Sie sich als Team an, um Warnungen zu sehen.",
    not_staff: "Dieses Konto gehört zu keiner Praxis.", problem_session_ended: "Ihre Anmeldung ist abgelaufen. Bitte melden Sie sich noch einmal an.", again: "Noch einmal versuchen",
    in_emergency: "Im Notfall rufen Sie an:", call_now: "Rufen Sie jetzt an:", clinic_phone: "Telefon der Praxis:", closed: "Wenn wir geschlossen haben:",
    not_watched: "Nicht Tag und Nacht überwacht.", we_read: (hours) => `Wir lesen Antworten: ${hours}.`,
    reads_now: (until) => (until ? `Jetzt liest jemand, bis ${until}.` : "Jetzt liest jemand."), reads_next: (at) => `Das nächste Mal liest jemand: ${at}.`,
    nobody_reads: "Hier liest niemand Ihre Antworten. Rufen Sie die Praxis an, wenn Sie sich Sorgen machen.",
    do_now: "Jetzt zu tun", nothing_now: "Gerade ist nichts zu tun.", not_before: (date) => `Nicht vor ${date}`, until_ready: "Bis die Haut so weit ist", in_days: (days) => (days === 1 ? "morgen" : `in ${days} Tagen`),
    get_help: "Wann Sie anrufen", later: "Heute später", photos: "Fotos, wenn Sie möchten", done_today: "Erledigt", asked_before: "Frühere Fragen, noch offen", counted: (title, count) => `${title} (${count})`, questions: (count) => `Jetzt antworten: ${count} Fragen`,
    no_plan: "Es läuft kein Plan.", day: (day) => `Tag ${day}`, common: "Was jetzt häufig ist", helps: "Was hilft",
    restrictions: "Noch nicht", instructions: "Was zu tun ist", education: "Gut zu wissen",
    from: (time) => `Ab ${time}.`, held: "Das gilt, bis Ihre Antworten zeigen, dass die Haut so weit ist.", views: (views) => `Ansichten: ${views}.`,
    opens: (time) => `Öffnet: ${time}.`, until: (time) => `Bis ${time}.`, not_too_late: (time) => `Es ist nicht zu spät: bis ${time}.`, mark_done: "Erledigt", undo: "Rückgängig machen",
    done: "Erledigt", partial: "Teilweise erledigt", skipped: "Ausgelassen", missed: "Die Zeit dafür ist vorbei.", cancelled: "Nicht nötig.",
    form_hint: "Lassen Sie weg, was Sie nicht wissen.", yes: "Ja", no: "Nein", none: "Nichts davon", clear: "Löschen", degrees: "Grad",
    send: "Senden", send_now: "Jetzt senden, den Rest auslassen", nothing_answered: "Beantworten Sie mindestens eine Frage.", our_advice: "Unser Rat", sent: "Ihre Antworten sind gesendet.",
    answer_by: (time) => `Keine Antwort bis ${time}? Rufen Sie die Praxis an.`, now_closed: "Wir haben jetzt geschlossen. Rufen Sie an:",
    emergency: "Notfall", urgent: "Rufen Sie jetzt die Praxis an", soon: "Innerhalb von 1 Werktag", note: "Zu Ihrer Information",
    reminders: "Erinnerungen per E-Mail", reminders_on: "Erinnerungen sind eingeschaltet.", reminders_off: "Erinnerungen sind ausgeschaltet.", stop_reminders: "Keine Erinnerungen mehr", start_reminders: "Erinnerungen einschalten",
    no_alerts: "Keine offenen Warnungen.", without_plan: "Ohne Plan", due: (time) => `Antworten bis ${time}`, overdue: "Überfällig", acknowledge: "Übernehmen", acknowledged: "Übernommen",
    level_emergency: "Notfall", level_urgent: "Dringend", level_soon: "Bald", level_note: "Hinweis",
    offline: "Der Server ist nicht erreichbar. Versuchen Sie es noch einmal.", problem_sign_in_needed: "Die E-Mail-Adresse oder das Passwort stimmt nicht.",
    problem_link_used_up: "Dieser Link wurde schon verwendet oder ist abgelaufen. Fordern Sie einen neuen an.", problem_stale: "Das hat sich inzwischen geändert. Laden Sie die Seite neu.",
    problem_account_exists: "Diese Adresse hat schon ein Konto. Melden Sie sich zuerst an und öffnen Sie dann diesen Link noch einmal.", problem_address_taken: "Ein anderes Konto hat diese Adresse.", problem_too_many_requests: "Zu viele Anfragen. Warten Sie etwas und versuchen Sie es noch einmal.",
    problem_too_many_tries: "Zu viele Versuche. Warten Sie etwas und versuchen Sie es noch einmal.", problem_too_short: "Das ist zu kurz: 15 Zeichen oder mehr.",
    problem_too_common: "Das ist zu leicht zu erraten. Schreiben Sie einen eigenen Satz, ohne Ihren Namen, Ihre Adresse oder den Namen der Praxis.",
    problem_too_weak: "Verwenden Sie mindestens 5 verschiedene Zeichen.", problem_wrong_password: "Diese Adresse hat schon ein Konto: Geben Sie das Passwort dazu ein.",
    problem_missing_field: "Diese Adresse hat schon ein Konto: Geben Sie das Passwort dazu ein.", problem_not_an_address: "Geben Sie eine E-Mail-Adresse ein, wie name@example.org.",
    problem_out_of_range: "Geben Sie eine Temperatur von 30 bis 45 °C ein, oder von 86 bis 113 °F.",
  },
};

const { locale: LOCALE, language: LANGUAGE } = dates.pickLocale(navigator.languages, TEXTS);
const T = TEXTS[LANGUAGE];
const main = document.getElementById("main");
const mailedToken = () => location.hash.slice(1);

// The session lives as long as this tab.
const readSession = () => JSON.parse(sessionStorage.getItem("session"));
const saveSession = ({ access_token, refresh_token, acts_as }) => sessionStorage.setItem("session", JSON.stringify({ access_token, refresh_token, acts_as }));
const dropSession = () => sessionStorage.removeItem("session");

// What the API refused, in words for people.
class Problem extends Error {
  constructor(status, { code, detail, errors = [] }) {
    const known = (one) => T[`problem_${one.code}`] ?? one.detail;
    super(errors.length ? errors.map(known).join(" ") : known({ code, detail }) ?? T.offline);
    this.status = status;
    this.codes = [code, ...errors.map((error) => error.code)];
  }
}

function send(method, path, body, headers) {
  const token = path.startsWith("/v1/auth/") ? null : readSession()?.access_token;
  return fetch(path, {
    method,
    cache: "no-store",
    headers: {
      "accept-language": LOCALE,
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { "content-type": "application/json" }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  }).catch(() => { throw new Error(T.offline); });
}

/** Asks the API; refreshes the session once when the access token has run out. */
async function call(method, path, body, headers) {
  const needsSession = !path.startsWith("/v1/auth/");
  let response = await send(method, path, body, headers);
  if (response.status === 401 && needsSession && await refreshSession()) response = await send(method, path, body, headers);
  if (response.status === 401 && needsSession) {
    dropSession();
    throw new Problem(401, { code: "session_ended" });
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  const text = await response.text();
  return { data: text ? JSON.parse(text) : null, etag: response.headers.get("etag") };
}

let refreshing = null;
function refreshSession() {
  refreshing ??= (async () => {
    const refresh_token = readSession()?.refresh_token;
    if (!refresh_token) return false;
    try {
      saveSession((await call("POST", "/v1/auth/refresh", { refresh_token })).data);
      return true;
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      return false;
    }
  })().finally(() => { refreshing = null; });
  return refreshing;
}

// Elements. Data goes in as text only.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

let lastId = 0;
const newId = () => `id-${lastId += 1}`;
const link = (href, text, kind) => make("a", { href, class: kind }, text);

/** What a clinic typed, with each number in it to be dialled by itself. */
const phone = (text) =>
  make("span", {}, ...numbersIn(text).map((piece) => (piece.digits ? link(`tel:${piece.digits}`, piece.text) : piece.text)));

const makeError = () => make("p", { class: "error", role: "alert" });
const speak = (text) => { document.getElementById("spoken").textContent = text; };

function goTo(heading, top) {
  (top ?? heading).scrollIntoView();
  heading.focus({ preventScroll: true });
}

/** The numbers to call that this device has seen last, for when nothing else can be had. */
const NUMBERS = "emergency_numbers";
function knownNumbers() {
  try {
    return JSON.parse(localStorage.getItem(NUMBERS)) ?? [];
  } catch {
    return [];
  }
}
function keepNumbers(clinics) {
  const numbers = [...new Set(clinics.map((clinic) => clinic.emergency_number))];
  try {
    localStorage.setItem(NUMBERS, JSON.stringify(numbers));
  } catch { /* A browser that keeps nothing shows the numbers while the page is open. */ }
  return numbers;
}

/** The emergency number comes first on every page that a patient may see, in every state, and is the first that Tab reaches. */
function helpFirst(numbers = knownNumbers()) {
  return numbers.length ? emergencyBlock(T.in_emergency, numbers) : make("p", { class: "emergency" }, T.any_emergency);
}

function show(title, children, first = [helpFirst()]) {
  const heading = make("h1", { tabindex: -1 }, title);
  document.title = title;
  main.replaceChildren(...first, heading, ...children);
  heading.focus({ preventScroll: true });
}

/** Does the work once at a time; says what went wrong, and asks to sign in again where that is the reason. */
async function attempt(element, error, work) {
  if (element.ariaBusy === "true") return;
  element.ariaBusy = "true";
  error.textContent = "";
  try {
    await work();
  } catch (problem) {
    error.textContent = problem.message;
    if (problem.codes?.includes("session_ended")) {
      const again = signInForm(() => again.remove());
      error.after(again);
    }
  } finally {
    element.ariaBusy = "false";
  }
}

function makeButton(label, work, error, kind) {
  const button = make("button", { type: "button", class: kind }, label);
  button.addEventListener("click", () => attempt(button, error, work));
  return button;
}

function makeForm(label, fields, work) {
  const error = makeError();
  const form = make("form", {}, ...fields, make("button", { class: "main" }, label));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(form, error, () => work(form.elements));
  });
  return make("div", {}, form, error);
}

function makeField(label, name, attributes, hint) {
  const id = newId();
  const note = hint && make("span", { class: "soft small", id }, hint);
  return make("label", { class: "field" }, label, note, make("input", { name, "aria-describedby": hint && id, ...attributes }));
}

function passwordFields(label, attributes, hint) {
  const field = makeField(label, "password", { type: "password", ...attributes }, hint);
  const shown = make("input", { type: "checkbox" });
  shown.addEventListener("change", () => { field.querySelector("input").type = shown.checked ? "text" : "password"; });
  return [field, make("label", { class: "option" }, shown, T.show_password)];
}

// Signing in.
const goHome = () => location.replace(readSession().acts_as === "staff" ? "/open/clinic" : "/open/today");

/** Signs in, and asks for the clinic when the account acts for more than one. */
async function signIn(path, body, clinicField) {
  const clinic_id = clinicField.querySelector("input").value.trim() || undefined;
  try {
    saveSession((await call("POST", path, { ...body, clinic_id })).data);
  } catch (problem) {
    if (problem.codes?.includes("clinic_needed")) clinicField.hidden = false;
    throw problem;
  }
}

function makeClinicField() {
  const field = makeField(T.clinic_id, "clinic", { autocomplete: "off" }, T.clinic_id_hint);
  field.hidden = true;
  return field;
}

/** Somebody may be a patient and staff: then a sign-in without a clinic acts for the patient. */
async function switchToStaff(body) {
  if (readSession().acts_as === "staff") return;
  const { memberships } = (await call("GET", "/v1/me")).data;
  await call("POST", "/v1/auth/logout", { refresh_token: readSession().refresh_token });
  dropSession();
  if (!memberships.length) throw new Error(T.not_staff);
  saveSession((await call("POST", "/v1/auth/login", { ...body, clinic_id: memberships[0].clinic_id })).data);
}

function signInForm(done = goHome, asStaff = false) {
  const email = makeField(T.email, "email", { type: "email", autocomplete: "username", required: true });
  const clinic = makeClinicField();
  const fields = [email, ...passwordFields(T.password, { autocomplete: "current-password", required: true }), clinic];
  const box = makeForm(T.sign_in, fields, async (values) => {
    const body = { email: values.email.value, password: values.password.value };
    await signIn("/v1/auth/login", body, clinic);
    if (asStaff) await switchToStaff(body);
    done();
  });
  const [result, input] = [makeError(), email.querySelector("input")];
  const mail = makeButton(T.mail_link, async () => {
    if (!input.reportValidity()) return;
    await call("POST", "/v1/auth/sign-in-links", { email: input.value });
    note.textContent = T.link_mailed;
  }, result);
  const note = make("p", { role: "status" });
  box.append(make("div", { class: "row" }, mail, link("/open/password", T.forgot)), note, result);
  return box;
}

function showSignIn() {
  if (!mailedToken()) return show(T.page_sign_in, [signInForm()]);
  const clinic = makeClinicField();
  const box = makeForm(T.sign_in, [clinic], async () => {
    try {
      await signIn("/v1/auth/sign-in-links/exchange", { token: mailedToken() }, clinic);
    } catch (problem) {
      if (problem.codes?.includes("link_used_up")) box.querySelector("form").replaceWith(signInForm());
      throw problem;
    }
    goHome();
  });
  show(T.page_sign_in, [box]);
}

function showInvitation() {
  if (!mailedToken()) return show(T.page_invitation, [make("p", {}, T.link_broken)]);
  const hint = `${T.password_hint} ${T.invitation_hint}`;
  const box = makeForm(T.accept, passwordFields(T.password, { autocomplete: "new-password", minlength: 15 }, hint), async ({ password }) => {
    saveSession((await call("POST", "/v1/auth/invitations/accept", { token: mailedToken(), password: password.value || undefined })).data);
    if (readSession().acts_as === "patient") return goHome();
    history.replaceState(null, "", location.pathname);
    show(T.you_are_in, [link("/open/clinic", T.go_to_clinic, "button main")]);
  });
  show(T.page_invitation, [box, link("/open/sign-in", T.page_sign_in)]);
}

function showPassword() {
  const note = make("p", { role: "status" });
  const askForMail = () => makeForm(T.mail_link, [makeField(T.email, "email", { type: "email", autocomplete: "username", required: true })], async ({ email }) => {
    await call("POST", "/v1/auth/password-reset", { email: email.value });
    note.textContent = T.link_mailed;
  });
  const setIt = () => makeForm(T.page_password, passwordFields(T.new_password, { autocomplete: "new-password", minlength: 15, required: true }, T.password_hint), async ({ password }) => {
    await call("POST", "/v1/auth/password-reset/confirm", { token: mailedToken(), password: password.value });
    dropSession();
    history.replaceState(null, "", location.pathname);
    show(T.page_password, [make("p", { role: "status" }, T.password_set), link("/open/sign-in", T.page_sign_in, "button main")]);
  });
  show(T.page_password, [mailedToken() ? setIt() : askForMail(), note]);
}

function showAddress() {
  if (!mailedToken()) return show(T.page_address, [make("p", {}, T.link_broken)]);
  const box = makeForm(T.confirm_address, [], async () => {
    await call("POST", "/v1/auth/email-change/confirm", { token: mailedToken() });
    history.replaceState(null, "", location.pathname);
    show(T.page_address, [make("p", { role: "status" }, T.address_confirmed), link("/open/today", T.page_today, "button main")]);
  });
  show(T.page_address, [box]);
}

function signOutButton() {
  const error = makeError();
  return make("p", {}, makeButton(T.sign_out, async () => {
    await call("POST", "/v1/auth/logout", { refresh_token: readSession()?.refresh_token ?? "" });
    dropSession();
    location.replace("/open/sign-in");
  }, error), error);
}

// Today.
const sayDate = (date) => dates.sayDate(LOCALE, date);
const sayTime = (stamp, timeZone) => dates.sayTime(LOCALE, stamp, timeZone);
const sayUntil = (stamp, timeZone) => dates.sayUntil(LOCALE, stamp, timeZone);

const emergencyBlock = (words, numbers) =>
  make("p", { class: "emergency" }, `${words} `, ...numbers.map((number) => make("span", { class: "number" }, phone(number))));

/** Whether a person looks, in the patient's own time. */
function sayWatch(clinic, zone) {
  if (!clinic.monitored) return T.nobody_reads;
  const time = (stamp) => stamp && sayTime(stamp, zone);
  const now = clinic.staffed_now ? T.reads_now(clinic.until && sayUntil(clinic.until, zone)) : clinic.next_staffed_at ? T.reads_next(time(clinic.next_staffed_at)) : "";
  // Hours in the clinic's words never stand beside a time that is computed from others: a closed date is in one of them alone.
  return [T.not_watched, now || T.we_read(clinic.reply_hours)].join(" ");
}

function clinicBlock(clinic, zone) {
  return make("section", { class: "card", "aria-label": clinic.name },
    make("h3", {}, clinic.name),
    make("p", {}, `${T.clinic_phone} `, phone(clinic.phone)),
    make("p", {}, `${T.closed} `, phone(clinic.out_of_hours)),
    make("p", { class: "state" }, sayWatch(clinic, zone)));
}

const planLine = (plan) => make("p", { class: "state" }, `${plan.title} · ${T.day(plan.day)}`);

const phaseBlock = ({ phase }) => make("div", {}, make("h3", {}, phase.title), make("p", {}, phase.common), make("p", {}, `${T.helps}: ${phase.advice}`));

async function showToday() {
  const session = readSession();
  if (!session) return showSignIn();
  if (session.acts_as === "staff") return show(T.page_today, [make("p", {}, T.for_staff), link("/open/clinic", T.go_to_clinic, "button main"), signOutButton()]);
  const { data: today } = await call("GET", "/v1/me/today").catch((problem) => {
    if (problem.status === 404) return { data: null };
    throw problem;
  });
  if (!today) return show(T.page_today, [make("p", {}, T.no_plan), remindersBlock(), signOutButton()]);
  const numbers = keepNumbers(today.clinics);
  const last = await lastAdvice(today);
  reloadAfter(today.valid_until);
  const plans = today.plans.length ? today.plans.map(planLine) : [make("p", {}, T.no_plan)];
  show(T.page_today, [make("p", { class: "soft" }, sayDate(today.date)), ...plans, last, somethingWrong(today), onceMore(today), ...dayBlocks(today), remindersBlock(), signOutButton()].filter(Boolean),
    [helpFirst(numbers)]);
}

/** What to do now and what to avoid are there at once, and short; so is when to call, and whom. The rest is folded, with how much it is. */
function dayBlocks(today) {
  const items = today.items.filter((item) => !["cancelled", "missed"].includes(item.state));
  const of = (wanted) => items.filter(wanted);
  const isDone = (item) => ["done", "partial", "skipped"].includes(item.state);
  const isNow = (item) => ["open", "late"].includes(item.state);
  const [asked, askedBefore] = newestOfEach(of((item) => item.kind === "check_in" && isNow(item)));
  const now = [...asked, ...of((item) => item.kind === "task" && isNow(item)).sort((one, other) => one.closes_at.localeCompare(other.closes_at))];
  const reading = of((item) => item.kind === "education");
  const lines = (list) => make("ul", {}, ...list.map((item) => fillLine(make("li"), item, today)));
  const rows = (list) => make("ul", { class: "rows" }, ...list.map((item) => makeRow(item, today)));
  const phases = today.plans.filter((plan) => plan.phase);
  return [
    today.plans.length > 0 && section("do_now", now.length ? lines(now) : nothingNow(of((item) => item.state === "upcoming" && item.kind !== "instruction"), today.zone)),
    folded("asked_before", askedBefore, lines),
    restrictionsBlock(of((item) => item.kind === "restriction"), today),
    helpBlock(reading.filter((item) => saysWhomToCall(item, today)), today),
    section("instructions", rows(of((item) => item.kind === "instruction"))),
    folded("later", of((item) => ["task", "check_in"].includes(item.kind) && item.state === "upcoming"), lines),
    folded("photos", of((item) => item.kind === "photo" && !isDone(item)), lines),
    folded("done_today", of((item) => item.kind !== "restriction" && isDone(item)), lines),
    folded("common", phases, (list) => make("div", {}, ...list.map(phaseBlock))),
    folded("education", reading.filter((item) => !saysWhomToCall(item, today)), rows),
  ];
}

/** Check-ins of one title and plan that wait for answers, parted: the newest is the one to answer, those of days before are folded. */
function newestOfEach(waiting) {
  const byNewest = [...waiting].sort((one, other) => other.closes_at.localeCompare(one.closes_at));
  const group = (item) => [item.title, ...item.plan_ids].join(" ");
  const newest = byNewest.filter((item, index) => byNewest.findIndex((other) => group(other) === group(item)) === index);
  return [newest, byNewest.filter((item) => !newest.includes(item))];
}

function nothingNow(coming, zone) {
  const [next] = coming.sort((one, other) => one.opens_at.localeCompare(other.opens_at));
  return make("div", {}, make("p", {}, T.nothing_now), next && make("p", { class: "soft" }, `${next.title}. ${endOnce(T.opens(sayTime(next.opens_at, zone)))}`));
}

const section = (name, list) => (list.tagName === "UL" && !list.childElementCount ? null : make("section", { id: name }, make("h2", { tabindex: -1 }, T[name]), list));

const folded = (name, list, fill) => (list.length ? make("details", { class: "group", id: name }, make("summary", {}, T.counted(T[name], list.length)), fill(list)) : null);

/** A line that names the emergency number, or whom to call out of hours, is about danger signs: it is never folded. */
const saysWhomToCall = (item, today) => today.clinics.some((clinic) => [clinic.emergency_number, clinic.out_of_hours].some((number) => number && item.text?.includes(number)));

/** What names the most numbers comes first: the line that says when to call whom stands before one about a single thing. */
function helpBlock(lines, today) {
  const named = (item) => today.clinics.flatMap((clinic) => [clinic.emergency_number, clinic.phone, clinic.out_of_hours]).filter((number) => number && item.text.includes(number)).length;
  const card = (item) => make("li", { class: "advice" }, make("h3", {}, item.title), make("p", {}, item.text));
  return make("section", { id: "get_help" }, make("h2", {}, T.get_help), lines.length > 0 && make("ul", {}, ...[...lines].sort((one, other) => named(other) - named(one)).map(card)), ...today.clinics.map((clinic) => clinicBlock(clinic, today.zone)));
}

/** What to avoid, by when it is allowed again: the hour, where that is known, or the first day. */
function restrictionsBlock(items, today) {
  const end = (item) => (item.held ? null : item.until_at ?? item.allowed_on);
  const ends = [...new Set(items.map(end))].sort((one, other) => (one ?? "9").localeCompare(other ?? "9"));
  const says = (at) => (at === null ? T.until_ready : T.not_before(at.includes("T") ? sayTime(at, today.zone) : sayDate(at)));
  const days = (item) => item.in_days > 0 && !item.until_at && !item.held && T.in_days(item.in_days);
  const groups = ends.map((at) => {
    const own = items.filter((item) => end(item) === at);
    return [make("h3", {}, [says(at), days(own[0])].filter(Boolean).join(", ")), make("ul", { class: "rows" }, ...own.map((item) => makeRow(item, today)))];
  });
  return items.length ? make("section", { id: "restrictions" }, make("h2", { tabindex: -1 }, T.restrictions), ...groups.flat()) : null;
}

/** A line that only informs: its title, and more about it one tap away. */
function makeRow(item, today) {
  const says = (text, kind) => text && make("p", { class: kind }, text);
  const when = item.kind === "instruction" && says(sayEnd(item, today.zone), "soft small");
  const more = [says(item.text), says(sayPlans(item, today), "soft small"), says(item.held && T.held, "state"), says(item.because, "soft")].filter(Boolean);
  return make("li", { class: item.kind }, ...(more.length ? [make("details", {}, make("summary", {}, item.title), ...more)] : [make("p", {}, item.title)]), when);
}

/** What was said to the last check-in stays on top until there is something newer, or for three days. */
const ADVICE_STAYS = 72 * 3_600_000;
async function lastAdvice(today) {
  const { data } = await call("GET", "/v1/me/check-ins?limit=1").catch(() => ({ data: { items: [] } }));
  const [answer] = data.items;
  if (!answer?.urgency || Date.parse(today.as_of) - Date.parse(answer.received_at) > ADVICE_STAYS) return null;
  return make("section", { "aria-label": T.last_advice },
    make("h2", {}, T.last_advice), make("p", { class: "soft small" }, sayTime(answer.received_at, today.zone)),
    adviceCard(answer, today.clinics.find((clinic) => clinic.clinic_id === answer.contact.clinic_id) ?? answer.contact, today.zone));
}

/** The danger signs can be said at any time: between check-ins, in a pause, after the end, without a plan. */
function somethingWrong(today) {
  return formsCard(today.forms.filter((form) => form.key === "danger-signs"), [T.something_wrong, T.something_wrong_hint], today);
}

/** In the days after a check-in its form can be answered once more, though no line asks for it. */
function onceMore(today) {
  const isOfLine = (form) => today.items.some((item) => item.form === form.key && item.day === form.day && item.plan_ids.includes(form.plan_id));
  return formsCard(today.forms.filter((form) => form.key !== "danger-signs" && !isOfLine(form)), [T.once_more, T.once_more_hint], today);
}

function formsCard(forms, [title, hint], today) {
  if (!forms.length) return null;
  const clinic = (form) => today.clinics.find((one) => one.clinic_id === form.clinic_id)?.name;
  const plan = (form) => today.plans.find((one) => one.plan_id === form.plan_id)?.title ?? clinic(form);
  return make("details", { class: "card" }, make("summary", {}, title), make("p", {}, hint),
    ...forms.map((form) => {
      const box = make("div", {}, forms.length > 1 && make("h3", {}, plan(form) ?? ""));
      box.append(checkInForm(form, {}, (answer) => showParts(box, adviceParts(answer, today))));
      return box;
    }));
}

/** The day is asked for again when it has changed by itself, unless somebody is answering. */
function reloadAfter(stamp) {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() > Date.parse(stamp) && !main.querySelector("form :checked")) location.reload();
  });
}

const formOf = (item, today) => ["open", "late"].includes(item.state) && today.forms.find((form) => form.key === item.form && form.day === item.day && item.plan_ids.includes(form.plan_id));

/** A time that ends in a point, as in "p.m.", ends its sentence too. */
const endOnce = (sentence) => sentence.replace(/\.\.$/, ".");

function sayState(item, zone) {
  switch (item.state) {
    case "upcoming": return endOnce(T.opens(sayTime(item.opens_at, zone)));
    case "open": return endOnce(T.until(sayUntil(item.closes_at, zone)));
    case "late": return endOnce(`${T.day(item.day)}. ${T.not_too_late(sayUntil(item.late_until, zone))}`);
    case "done": return `✓ ${T.done}`;
    default: return T[item.state];
  }
}

/** By the hour, where the time of treatment is known: nobody has to count. */
function sayEnd(item, zone) {
  if (item.from_at && item.state === "upcoming") return endOnce(T.from(sayTime(item.from_at, zone)));
  return item.until_at && endOnce(T.until(sayUntil(item.until_at, zone)));
}

const sayPlans = (item, today) => (today.plans.length > 1 ? today.plans.filter((plan) => item.plan_ids.includes(plan.plan_id)).map((plan) => plan.title).join(", ") : "");

function fillLine(line, item, today) {
  const says = (text, kind) => text && make("p", { class: kind }, text);
  const parts = [make("h3", { tabindex: -1 }, item.title), says(item.text), says(sayPlans(item, today), "soft small"), says(item.because, "soft")];
  if (["task", "photo", "check_in"].includes(item.kind)) parts.push(says(item.views.length > 0 && T.views(item.views.join(", "))), says(sayState(item, today.zone), "state"));
  if (["task", "photo"].includes(item.kind)) parts.push(markButton(line, item, today));
  const form = item.kind === "check_in" && formOf(item, today);
  if (form) {
    const questions = checkInForm(form, item, (answer) => showAdvice(line, { ...item, state: "done" }, today, answer));
    parts.push(make("details", { class: "start" }, make("summary", {}, T.questions(form.questions.length)), questions));
  }
  line.replaceChildren(...parts.filter(Boolean));
  return line;
}

function markButton(line, item, today) {
  const undo = item.state === "done";
  if (!undo && !["open", "late", "partial", "skipped"].includes(item.state)) return null;
  const error = makeError();
  const button = makeButton(undo ? T.undo : T.mark_done, async () => {
    const path = `/v1/me/occurrences/${item.occurrence_id}/mark`;
    const { data } = await (undo ? call("DELETE", path) : call("PUT", path, { state: "done" }));
    fillLine(line, data, today).querySelector("button").focus();
    speak(`${data.title}: ${sayState(data, today.zone)}`);
  }, error, undo ? "plain" : "main");
  button.setAttribute("aria-label", `${button.textContent}: ${item.title}`);
  return make("div", {}, button, error);
}

// Check-ins. Nothing is chosen beforehand; what is not answered is not sent.
const LEVELS = Array.from({ length: 11 }, (_, level) => [String(level), String(level)]);
const NONE = "";

function askQuestion(question) {
  const { kind, key, text, hint } = question;
  const [name, id] = [newId(), newId()];
  const options = {
    level: LEVELS, flag: [["yes", T.yes], ["no", T.no]], temperature: [["C", "°C"], ["F", "°F"]],
    multi: [...question.choices.map((choice) => [choice.key, choice.label]), [NONE, T.none]],
    choice: question.choices.map((choice) => [choice.key, choice.label]),
  }[kind];
  const inputs = options.map(([value]) => make("input", { type: kind === "multi" ? "checkbox" : "radio", name, value }));
  const labels = options.map(([, label], index) => make("label", { class: "option" }, inputs[index], make("span", {}, label)));
  const degrees = kind === "temperature" && makeField(T.degrees, newId(), { type: "text", inputmode: "decimal", pattern: "[0-9]{2,3}([.,][0-9]{1,2})?", autocomplete: "off" });
  const clear = make("button", { type: "button", class: "plain clear" }, T.clear);
  clear.setAttribute("aria-label", `${T.clear}: ${text}`);
  clear.addEventListener("click", () => { inputs.forEach((input) => { input.checked = false; }); inputs[0].focus(); });
  const element = make("fieldset", { "aria-describedby": hint && id }, make("legend", {}, text), hint && make("p", { class: "soft small", id }, hint),
    degrees, make("div", { class: kind === "level" ? "levels" : null }, ...labels), kind !== "multi" && clear);
  if (degrees) degrees.addEventListener("input", () => { inputs[0].required = degrees.querySelector("input").value !== ""; });
  if (kind === "multi") element.addEventListener("change", ({ target }) => keepNoneAlone(target, inputs));
  if (key === "signs") warnAtOnce(element, question, inputs, labels);
  if (key === "signs") element.append(sendNowButton(element));
  return { key, element, read: () => readAnswer(kind, inputs.filter((input) => input.checked).map((input) => input.value), degrees) };
}

function readAnswer(kind, chosen, degrees) {
  if (kind === "temperature") {
    const value = Number(degrees.querySelector("input").value.replace(",", "."));
    return value ? { value, unit: chosen[0] } : undefined;
  }
  if (!chosen.length) return undefined;
  return { level: Number(chosen[0]), flag: chosen[0] === "yes", choice: chosen[0], multi: chosen.filter((one) => one !== NONE) }[kind];
}

function keepNoneAlone(changed, inputs) {
  if (changed.checked) inputs.filter((input) => (input.value === NONE) !== (changed.value === NONE)).forEach((input) => { input.checked = false; });
}

/** A sign of an emergency shows the number beside it at once, with or without network. */
function warnAtOnce(element, question, inputs, labels) {
  const isEmergency = (input) => input.checked && question.choices.some((choice) => choice.key === input.value && choice.urgency === "emergency");
  const warning = make("div", { role: "alert" });
  element.addEventListener("change", () => {
    const first = inputs.findIndex(isEmergency);
    if (first < 0) return warning.remove();
    if (!warning.isConnected) warning.replaceChildren(helpFirst());
    labels[first].after(warning);
  });
}

function sendNowButton(signs) {
  const button = make("button", { class: "main", hidden: true }, T.send_now);
  signs.addEventListener("change", () => { button.hidden = ![...signs.querySelectorAll(":checked")].some((input) => input.value !== NONE); });
  return button;
}

function checkInForm(form, item, done) {
  const questions = [...form.questions].sort((one, other) => (other.key === "signs") - (one.key === "signs")).map(askQuestion);
  let [id, last] = [null, null];
  return makeForm(T.send, [make("p", {}, T.form_hint), ...questions.map((question) => question.element)], async () => {
    const answers = Object.fromEntries(questions.map((question) => [question.key, question.read()]).filter(([, answer]) => answer !== undefined));
    if (!Object.keys(answers).length) throw new Error(T.nothing_answered);
    const about = form.plan_id ? { plan_id: form.plan_id } : { patient_id: form.patient_id }; // a record without a plan
    const body = { ...about, occurrence_id: item.occurrence_id, answers };
    if (JSON.stringify(body) !== last) [id, last] = [crypto.randomUUID(), JSON.stringify(body)]; // the same answers again keep their id
    done((await call("PUT", `/v1/me/check-ins/${id}`, body)).data);
  });
}

function showAdvice(line, item, today, answer) {
  fillLine(line, item, today);
  showParts(line, adviceParts(answer, today), [...line.childNodes]);
}

/** What was said to answers comes into sight, with the number first. */
function showParts(box, parts, before = []) {
  box.replaceChildren(...before, ...parts);
  goTo(parts.find((part) => part.tagName === "H3"), parts[0]);
}

/** What is said to answers: the number first where every minute counts, one advice, and who is watching. */
function adviceParts(answer, today) {
  const first = answer.urgency === "emergency" ? emergencyBlock(T.call_now, [answer.contact.emergency_number]) : null;
  speak([T.sent, first?.textContent, answer.advice.text].filter(Boolean).join(" "));
  return [first, make("h3", { tabindex: -1 }, T.our_advice), adviceCard(answer, answer.contact, today.zone), make("p", { class: "soft" }, answer.standing_line), clinicBlock(answer.contact, today.zone)].filter(Boolean);
}

/** Who is told to call while the clinic is closed is told whom; until when we answer is said while that is still to come. */
function adviceCard({ advice: { urgency, text, reasons, answer_by } }, contact, zone) {
  const isClosed = urgency === "urgent" && contact.monitored && contact.staffed_now === false;
  const comes = answer_by && Date.parse(answer_by) > Date.now();
  return make("div", { class: `card advice ${urgency ?? "none"}-advice` },
    urgency && make("p", { class: "urgency" }, ...(isClosed ? [`${T.now_closed} `, phone(contact.out_of_hours)] : [T[urgency]])), make("p", {}, text),
    comes && make("p", { class: "state" }, T.answer_by(sayUntil(answer_by, zone))),
    reasons.length > 0 && make("ul", { class: "reasons" }, ...reasons.map((reason) => make("li", {}, reason.text))));
}

function remindersBlock() {
  const [state, error] = [make("p", { role: "status" }), makeError()];
  let me = null;
  const isOn = () => me.data.patients.some((record) => record.reminders);
  const say = () => {
    state.textContent = isOn() ? T.reminders_on : T.reminders_off;
    button.textContent = isOn() ? T.stop_reminders : T.start_reminders;
    button.hidden = false;
  };
  const button = makeButton("", async () => {
    me = await call("PATCH", "/v1/me", { reminders: !isOn() }, { "if-match": me.etag });
    say();
  }, error);
  button.hidden = true;
  const section = make("section", {}, make("h2", {}, T.reminders), state, button, error);
  attempt(section, error, async () => { me = await call("GET", "/v1/me"); say(); });
  return section;
}

// The clinic's alerts.
async function showClinic() {
  const session = readSession();
  const docs = make("p", {}, link("/docs/", T.api_docs));
  const noNumber = []; // this page is the staff's
  if (session?.acts_as !== "staff") return show(T.page_clinic, [session && make("p", {}, T.for_patients), signInForm(goHome, true), docs].filter(Boolean), noNumber);
  const alerts = [];
  const { data: clinic } = await call("GET", "/v1/clinic"); // its staff read times by its clock
  for (let cursor = ""; cursor !== null;) {
    const { data } = await call("GET", `/v1/clinic/alerts?status=open&limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    alerts.push(...data.items);
    cursor = data.next_cursor;
  }
  show(T.page_clinic, [alerts.length ? make("ul", {}, ...alerts.map((alert) => alertLine(alert, clinic.zone))) : make("p", {}, T.no_alerts), docs, signOutButton()], noNumber);
}

function alertLine(alert, zone) {
  const error = makeError();
  const state = make("p", { class: "state", role: "status" });
  const button = makeButton(T.acknowledge, async () => {
    await call("POST", `/v1/clinic/alerts/${alert.id}/acknowledge`, undefined, { "if-match": `"v${alert.version}"` });
    state.textContent = `✓ ${T.acknowledged}`;
    button.remove();
  }, error, "main");
  return make("li", { class: `advice ${alert.urgency}-advice` },
    make("p", { class: "urgency" }, [T[`level_${alert.urgency}`], alert.overdue && T.overdue].filter(Boolean).join(" · ")),
    make("h3", {}, alert.patient_name), make("p", {}, alert.reason),
    make("p", {}, [T.due(sayTime(alert.due_at, zone)), alert.plan_id ? T.day(alert.day) : T.without_plan].join(" · ")), state, button, error);
}

// The page that the path names. A link of the same page with another token loads it anew; a page taken back from memory too.
const PAGES = { invitation: showInvitation, "sign-in": showSignIn, password: showPassword, address: showAddress, today: showToday, clinic: showClinic };

async function open() {
  const name = location.pathname.split("/").pop();
  try {
    await PAGES[name]();
  } catch (problem) {
    if (problem.status === 401) return PAGES[name]();
    const error = make("p", { class: "error", role: "alert" }, problem.message);
    show(T[`page_${name.replace("-", "_")}`], [error, makeButton(T.again, open, error, "main"), problem.status === 403 && signOutButton()].filter(Boolean));
  }
}

document.documentElement.lang = LANGUAGE;
show(document.title, []); // while the page loads, the last known number is there
addEventListener("hashchange", () => location.reload());
addEventListener("pageshow", (event) => event.persisted && location.reload());
open();
