# Los asuntos se ven en la pantalla bloqueada: nada clínico, ningún nombre, ninguna clínica, ninguna palabra como urgente.

greeting = Hola:

patient-invitation-subject = Abra su página segura, por favor
patient-invitation-preheader = Dentro está su enlace.
patient-invitation-sentence = Su clínica ha preparado una página segura para usted.
patient-invitation-button = Abrir mi página
patient-invitation-note = Usted elige cómo entrar y su página se abre.

member-invitation-subject = Tiene una invitación a un equipo
member-invitation-preheader = Dentro está su enlace.
member-invitation-sentence = Le invitamos a unirse a un equipo.
member-invitation-button = Unirme al equipo
member-invitation-note = Si no lo esperaba, no tiene que hacer nada.

sign-in-link-subject = Su enlace para entrar
sign-in-link-preheader = Sirve para entrar una vez.
sign-in-link-sentence = Este es su enlace para entrar.
sign-in-link-button = Entrar
sign-in-link-note = Si no lo ha pedido, no tiene que hacer nada.

password-reset-subject = Elija una contraseña nueva
password-reset-preheader = Dentro está su enlace.
password-reset-sentence = Con este enlace puede elegir una contraseña nueva.
password-reset-button = Elegir contraseña
password-reset-note = Si no lo ha pedido, no tiene que hacer nada. Su contraseña de siempre sigue valiendo.

reminder-subject = Su nota diaria está lista
reminder-preheader = Abra su página segura, por favor.
reminder-sentence = Su nota diaria está lista.
reminder-button = Abrir mi nota
reminder-note = Es cosa de uno o dos minutos.

alert-notice-subject = Tiene un mensaje nuevo
alert-notice-preheader = Abra su página segura, por favor.
alert-notice-sentence = Hay un mensaje nuevo para su equipo.
alert-notice-button = Abrir el mensaje
alert-notice-note = Por privacidad, este correo no lleva detalles.

address-change-subject = Confirme su dirección
address-change-preheader = Dentro está su enlace.
address-change-sentence = Con este enlace confirma que esta dirección es suya.
address-change-button = Confirmar mi dirección
address-change-note = Si no lo ha pedido, no tiene que hacer nada. No cambia nada.

address-changed-subject = Su dirección ha cambiado
address-changed-preheader = Lea esto si no ha sido usted.
address-changed-sentence = Tenemos una nueva dirección para usted. A partir de ahora le escribimos ahí.
address-changed-button = Abrir mi página
address-changed-note = Si no lo ha pedido, llame a su clínica.

valid-minutes = { $count ->
    [one] El enlace sirve una vez, durante { $count } minuto.
   *[other] El enlace sirve una vez, durante { $count } minutos.
}
valid-hours = { $count ->
    [one] El enlace sirve una vez, durante { $count } hora.
   *[other] El enlace sirve una vez, durante { $count } horas.
}
valid-days = { $count ->
    [one] El enlace sirve una vez, durante { $count } día.
   *[other] El enlace sirve una vez, durante { $count } días.
}

phone-line = ¿Preguntas? Llame a la clínica:
emergency-line = En una emergencia, llame al:
emergency-elsewhere = o al número de emergencias del lugar
watched-line = No atendemos día y noche. Leemos las respuestas: { $hours }.
link-help = Si el botón no funciona, abra este enlace:
unsubscribe-why = Recibe esta nota porque las notas diarias están activadas.
unsubscribe = No recibir más estos correos

check-in-occurrence = a qué control responde
check-in-answered-at = cuándo lo respondió
check-in-kept = Hemos guardado sus respuestas, y la clínica puede verlas. { $what } Si le preocupa algo, llámenos: {"{"}clinic_phone{"}"}. En una emergencia, llame al {"{"}emergency_number{"}"}.
check-in-too-little = No dicen lo suficiente sobre su piel para valorarlas.
check-in-not-judged-parts = Esto no se ha podido valorar: { $questions }.
check-in-kept-for-staff = Guardado: léalo en el control.
check-in-rules-failed = Estas reglas no dan resultado: { $rules }.
check-in-in-line = Sus respuestas están dentro de lo habitual para el día { $day }. Si nota algo raro, llámenos igualmente.
check-in-not-judged = Hemos guardado sus respuestas. Aquí no se valoran. Si le preocupa algo, llámenos.
standing-line = Esta es información general de su clínica. No es un diagnóstico y no sustituye una visita. Si está preocupado o preocupada, contáctenos.

readiness-course-complete = Ya se han hecho todas las sesiones previstas.
readiness-interval = La piel necesita tiempo: la próxima sesión puede ser a partir del { $date }.
readiness-open-alert = Su clínica todavía está revisando algo de su plan.
readiness-waits = Primero tiene que decidir el personal clínico.
readiness-not-calm = Según sus últimas respuestas, la piel aún no está calmada.
readiness-not-answered = Nos faltan respuestas recientes. Envíe un control para saber cómo está la piel.
readiness-no-more = No hay más sesiones previstas. Si quiere otra, hable con su clínica.
readiness-may-come = Nada de lo que sabemos impide su próxima sesión. Decide su clínica.
readiness-has-to-wait = De momento, su próxima sesión tiene que esperar. Decide su clínica.
date = { $day } de { $month } de { $year }

plan-superseded = El plan de su próxima sesión ocupa el lugar de este.
plan-reinstated = El plan de su próxima sesión no ocupa finalmente el lugar de este. Este continúa.
plan-moved = Su clínica ha cambiado las indicaciones de este plan.

unsubscribe-dead-title = Este enlace ya no sirve
unsubscribe-dead-text = Ábralo otra vez desde su correo más reciente. También puede desactivar los recordatorios en su página. O llame a su clínica.
unsubscribe-dead-link = Abrir mi página

home-emergency = En una emergencia llame al 112, al 999 o al 911, o a su número local.
home-about = Después de un tratamiento de la piel, este servidor dice qué hacer hoy. Pregunta cómo está la piel y avisa a la clínica.
home-patients-heading = Para pacientes
home-patients-text = Vea qué hacer hoy.
home-patients-link = Abrir mi día
home-clinic-heading = Para la clínica
home-clinic-text = Vea a quién hay que llamar.
home-clinic-link = Avisos abiertos
home-developers-heading = Para desarrolladores
home-developers-text = Lea y pruebe la API.
home-developers-link = Referencia de la API
home-demo-heading = Esto es una demostración
home-demo-text = Todas las personas son inventadas. Vea los correos que recibieron.
home-demo-link = Correos de la demostración
