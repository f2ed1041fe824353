-- What happened, in the order of writing. `number` and `hash` come afterwards, from one hand.
CREATE TABLE events (
  seq INTEGER NOT NULL PRIMARY KEY,
  chain BLOB NOT NULL,
  number INTEGER,
  hash BLOB,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor_kind TEXT NOT NULL CHECK (actor_kind IN ('staff', 'account', 'anonymous', 'operator', 'server')),
  account_id BLOB,
  member_id BLOB,
  patient_id BLOB,
  plan_id BLOB,
  object_kind TEXT,
  object_id BLOB,
  reason TEXT
) STRICT;
CREATE UNIQUE INDEX events_by_number ON events (chain, number) WHERE number IS NOT NULL;
CREATE INDEX events_of_patient ON events (chain, patient_id, number) WHERE patient_id IS NOT NULL AND number IS NOT NULL;
CREATE INDEX events_unsealed ON events (seq) WHERE number IS NULL;

-- The end of each chain.
CREATE TABLE event_chains (
  chain BLOB NOT NULL,
  number INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (chain)
) STRICT, WITHOUT ROWID;

-- What the release before has kept in two places, and goes on keeping there while it runs beside this one.
CREATE VIEW audit_as_events AS
SELECT e.id AS id, coalesce(e.clinic_id, zeroblob(16)) AS chain, e.at AS at,
  CASE e.action
    WHEN 'patient_added' THEN 'patient.added'
    WHEN 'patient_changed' THEN 'patient.changed'
    WHEN 'patient_invited' THEN 'patient.invited'
    WHEN 'unsubscribed' THEN 'patient.unsubscribed'
    WHEN 'account_unlinked' THEN 'patient.unlinked'
    WHEN 'treatment_recorded' THEN 'treatment.recorded'
    WHEN 'treatment_added_to_course' THEN 'course.treatment_added'
    WHEN 'course_made' THEN 'course.made'
    WHEN 'course_changed' THEN 'course.changed'
    WHEN 'key_rotated' THEN 'signing_key.rotated'
    WHEN 'key_removed' THEN 'signing_key.removed'
    WHEN 'signed_in' THEN 'session.started'
    WHEN 'refresh_token_reused' THEN 'session.token_reused'
    WHEN 'sessions_ended' THEN 'account.sessions_ended'
    WHEN 'password_changed' THEN 'account.password_changed'
    WHEN 'address_change_asked' THEN 'account.address_change_requested'
    WHEN 'address_changed' THEN 'account.address_changed'
    WHEN 'account_disabled' THEN 'account.disabled'
    WHEN 'account_enabled' THEN 'account.enabled'
    WHEN 'clinic_created' THEN 'clinic.created'
    WHEN 'clinic_changed' THEN 'clinic.changed'
    WHEN 'clinic_text_changed' THEN 'clinic.text_changed'
    WHEN 'member_invited' THEN 'member.invited'
    WHEN 'member_changed' THEN 'member.changed'
    WHEN 'protocol_written' THEN 'protocol.written'
    WHEN 'protocol_edited' THEN 'protocol.edited'
    WHEN 'protocol_approved' THEN 'protocol.activated'
    WHEN 'protocol_retired' THEN 'protocol.retired'
    WHEN 'protocol_redrafted' THEN 'protocol.redrafted'
    WHEN 'enrolled' THEN 'plan.enrolled'
    WHEN 'plan_started' THEN 'plan.started'
    WHEN 'plan_declined' THEN 'plan.declined'
    WHEN 'plan_revised' THEN 'plan.revised'
    WHEN 'plans_migration_begun' THEN 'plan_migration.begun'
    WHEN 'plans_migration_rolled_back' THEN 'plan_migration.rolled_back'
    WHEN 'reconsidered' THEN 'check_in.reconsidered'
    WHEN 'mail_sent_again' THEN 'mail.sent_again'
    WHEN 'invitation_accepted' THEN e.object_kind || '.accepted'
    ELSE e.action
  END AS kind,
  CASE WHEN e.actor_id IS NULL THEN 'server' WHEN m.id IS NULL THEN 'account' ELSE 'staff' END AS actor_kind,
  e.actor_id AS account_id, m.id AS member_id,
  CASE e.object_kind
    WHEN 'patient' THEN e.object_id
    WHEN 'plan' THEN (SELECT patient_id FROM plans WHERE clinic_id = e.clinic_id AND id = e.object_id)
    WHEN 'treatment' THEN (SELECT patient_id FROM treatments WHERE clinic_id = e.clinic_id AND id = e.object_id)
    WHEN 'course' THEN (SELECT patient_id FROM courses WHERE clinic_id = e.clinic_id AND id = e.object_id)
    WHEN 'check_in' THEN (SELECT patient_id FROM check_ins WHERE clinic_id = e.clinic_id AND id = e.object_id)
  END AS patient_id,
  CASE e.object_kind
    WHEN 'plan' THEN e.object_id
    WHEN 'check_in' THEN (SELECT plan_id FROM check_ins WHERE clinic_id = e.clinic_id AND id = e.object_id)
  END AS plan_id,
  e.object_kind AS object_kind, e.object_id AS object_id, e.note AS reason
FROM audit_events e LEFT JOIN members m ON m.clinic_id = e.clinic_id AND m.account_id = e.actor_id
WHERE e.object_kind <> 'alert';

CREATE VIEW alerts_as_events AS
SELECT e.id AS id, e.clinic_id AS chain, e.at AS at, 'alert.' || e.kind AS kind,
  CASE WHEN e.member_id IS NULL THEN 'server' ELSE 'staff' END AS actor_kind,
  m.account_id AS account_id, e.member_id AS member_id, a.patient_id AS patient_id, a.plan_id AS plan_id,
  'alert' AS object_kind, e.alert_id AS object_id, e.note AS reason
FROM alert_events e JOIN alerts a ON a.clinic_id = e.clinic_id AND a.id = e.alert_id
LEFT JOIN members m ON m.clinic_id = e.clinic_id AND m.id = e.member_id;

INSERT INTO events (chain, at, kind, actor_kind, account_id, member_id, patient_id, plan_id, object_kind, object_id, reason)
SELECT chain, at, kind, actor_kind, account_id, member_id, patient_id, plan_id, object_kind, object_id, reason FROM (SELECT * FROM audit_as_events UNION ALL SELECT * FROM alerts_as_events) AS before ORDER BY at, id;

CREATE TRIGGER audit_is_an_event AFTER INSERT ON audit_events BEGIN
  INSERT INTO events (chain, at, kind, actor_kind, account_id, member_id, patient_id, plan_id, object_kind, object_id, reason) SELECT chain, at, kind, actor_kind, account_id, member_id, patient_id, plan_id, object_kind, object_id, reason FROM audit_as_events WHERE id = NEW.id;
END;
CREATE TRIGGER alert_is_an_event AFTER INSERT ON alert_events BEGIN
  INSERT INTO events (chain, at, kind, actor_kind, account_id, member_id, patient_id, plan_id, object_kind, object_id, reason) SELECT chain, at, kind, actor_kind, account_id, member_id, patient_id, plan_id, object_kind, object_id, reason FROM alerts_as_events WHERE chain = NEW.clinic_id AND object_id = NEW.alert_id AND id = NEW.id;
END;
