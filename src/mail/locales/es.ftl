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
