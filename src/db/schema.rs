//! The tables, as both databases have them. Kept in step with `migrations/` by a test. The keys here are what `find((clinic, id))` takes;
//! the database has the same columns in another order.

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    clinics (id) {
        id -> Uid,
        name -> Text,
        zone -> Text,
        locale -> Text,
        phone -> Text,
        emergency_number -> Text,
        out_of_hours -> Text,
        reply_hours -> Text,
        monitored -> Bool,
        triage -> Text,
        demo -> Bool,
        created_at -> Instant,
        version -> Integer,
        texts -> JsonDoc,
        opening_hours -> Nullable<JsonDoc>,
        closed_on -> Nullable<JsonDoc>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    accounts (id) {
        id -> Uid,
        email -> Text,
        password_hash -> Nullable<Text>,
        auth_epoch -> Integer,
        locale -> Text,
        created_at -> Instant,
        disabled_at -> Nullable<Instant>,
        disabled_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    members (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        account_id -> Uid,
        name -> Text,
        role -> Text,
        state -> Text,
        created_at -> Instant,
        version -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    patients (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        account_id -> Nullable<Uid>,
        name -> Text,
        email -> Text,
        zone -> Text,
        locale -> Text,
        reminders -> Bool,
        address_refused_at -> Nullable<Instant>,
        created_at -> Instant,
        version -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    links (id) {
        id -> Uid,
        purpose -> Text,
        token_hash -> Binary,
        account_id -> Nullable<Uid>,
        clinic_id -> Nullable<Uid>,
        member_id -> Nullable<Uid>,
        patient_id -> Nullable<Uid>,
        created_at -> Instant,
        expires_at -> Instant,
        used_at -> Nullable<Instant>,
        new_email -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    sessions (id) {
        id -> Uid,
        account_id -> Uid,
        clinic_id -> Nullable<Uid>,
        generation -> Integer,
        created_at -> Instant,
        rotated_at -> Instant,
        idle_until -> Instant,
        ends_at -> Instant,
        ended_at -> Nullable<Instant>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    sign_in_tries (who) {
        who -> Binary,
        since -> Instant,
        tries -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    signing_keys (kid) {
        kid -> Text,
        sealed -> Binary,
        created_at -> Instant,
        signs_from -> Instant,
        removed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    rights (id) {
        id -> Integer,
        generation -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    treatments (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        patient_id -> Uid,
        procedure -> Text,
        performed_on -> Day,
        body_area -> Text,
        parameters -> JsonDoc,
        recorded_by -> Uid,
        created_at -> Instant,
        version -> Integer,
        entered_in_error_at -> Nullable<Instant>,
        performed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    courses (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        patient_id -> Uid,
        protocol_key -> Text,
        procedure -> Text,
        body_area -> Text,
        sessions -> Integer,
        min_interval_days -> Integer,
        interval_days -> Integer,
        done -> Integer,
        created_by -> Uid,
        created_at -> Instant,
        version -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    treatment_links (clinic_id, treatment_id) {
        clinic_id -> Uid,
        treatment_id -> Uid,
        course_id -> Nullable<Uid>,
        session -> Nullable<Integer>,
        replaces -> Nullable<Uid>,
        interval_overruled -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    protocol_versions (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        key -> Text,
        version -> Integer,
        status -> Text,
        document -> Text,
        content_hash -> Text,
        created_by -> Nullable<Uid>,
        created_at -> Instant,
        approved_by -> Nullable<Uid>,
        approved_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    plans (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        patient_id -> Uid,
        treatment_id -> Uid,
        version_id -> Uid,
        status -> Text,
        day_zero -> Day,
        parameters -> JsonDoc,
        enrolled_at -> Instant,
        enrolled_by -> Uid,
        overruled -> Nullable<Text>,
        planned_to -> Instant,
        next_due_at -> Nullable<Instant>,
        revision -> Integer,
        earlier_versions -> Nullable<JsonDoc>,
        waits_for -> JsonDoc,
        started_at -> Nullable<Instant>,
        declined -> Nullable<Text>,
        stops -> Nullable<JsonDoc>,
        overrides -> Nullable<JsonDoc>,
        first_day_zero -> Nullable<Day>,
        course -> Nullable<JsonDoc>,
        performed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    plan_migrations (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        key -> Text,
        from_version_id -> Uid,
        to_version_id -> Uid,
        only_plans -> Nullable<JsonDoc>,
        state -> Text,
        total -> Integer,
        moved -> Integer,
        conflicts -> Integer,
        returned -> Integer,
        after_plan -> Nullable<Uid>,
        created_by -> Uid,
        created_at -> Instant,
        finished_at -> Nullable<Instant>,
        rolled_back_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    plan_moves (clinic_id, migration_id, plan_id) {
        clinic_id -> Uid,
        migration_id -> Uid,
        plan_id -> Uid,
        outcome -> Text,
        from_day -> Integer,
        reason -> Nullable<Text>,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    plan_revisions (clinic_id, plan_id, revision) {
        clinic_id -> Uid,
        plan_id -> Uid,
        revision -> Integer,
        id -> Uid,
        command -> JsonDoc,
        reason -> Text,
        undoes -> Nullable<Integer>,
        before_state -> JsonDoc,
        after_state -> JsonDoc,
        made_by -> Uid,
        made_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    marks (clinic_id, plan_id, day, id) {
        clinic_id -> Uid,
        plan_id -> Uid,
        day -> Integer,
        id -> Uid,
        occurrence_id -> Uid,
        item_key -> Text,
        slot_key -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        noted_at -> Instant,
        received_at -> Instant,
        made_by -> Uid,
        counted_from -> Nullable<Day>,
        claimed_at -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    check_ins (clinic_id, plan_id, entry_id) {
        clinic_id -> Uid,
        plan_id -> Uid,
        entry_id -> Uid,
        id -> Uid,
        patient_id -> Uid,
        version_id -> Uid,
        occurrence_id -> Nullable<Uid>,
        day -> Integer,
        form -> Text,
        answers -> JsonDoc,
        body_hash -> Binary,
        answered_at -> Instant,
        received_at -> Instant,
        zone -> Text,
        back_filled -> Bool,
        urgency -> Nullable<Text>,
        findings -> JsonDoc,
        counted_from -> Nullable<Day>,
        sent -> Nullable<Text>,
        claimed_at -> Nullable<Text>,
        not_used -> Nullable<JsonDoc>,
        not_judged -> Nullable<JsonDoc>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    record_check_ins (clinic_id, patient_id, entry_id) {
        clinic_id -> Uid,
        patient_id -> Uid,
        entry_id -> Uid,
        id -> Uid,
        content_hash -> Text,
        answers -> JsonDoc,
        body_hash -> Binary,
        answered_at -> Instant,
        received_at -> Instant,
        zone -> Text,
        urgency -> Nullable<Text>,
        findings -> JsonDoc,
        sent -> Text,
        claimed_at -> Nullable<Text>,
        not_used -> Nullable<JsonDoc>,
        not_judged -> Nullable<JsonDoc>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    alerts (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        patient_id -> Uid,
        plan_id -> Nullable<Uid>,
        version_id -> Nullable<Uid>,
        check_in_id -> Nullable<Uid>,
        record_check_in_id -> Nullable<Uid>,
        cause -> Text,
        rule_key -> Text,
        urgency -> Text,
        status -> Text,
        day -> Integer,
        reason -> JsonDoc,
        trace -> JsonDoc,
        times_seen -> Integer,
        raised_at -> Instant,
        last_seen_at -> Instant,
        due_at -> Instant,
        acknowledged_by -> Nullable<Uid>,
        acknowledged_at -> Nullable<Instant>,
        resolved_by -> Nullable<Uid>,
        resolved_at -> Nullable<Instant>,
        resolution -> Nullable<Text>,
        note -> Nullable<Text>,
        version -> Integer,
        annotations -> Nullable<JsonDoc>,
        pressing -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    outbox (id) {
        id -> Uid,
        clinic_id -> Nullable<Uid>,
        patient_id -> Nullable<Uid>,
        kind -> Text,
        dedupe_key -> Text,
        message_id -> Text,
        to_address -> Text,
        locale -> Text,
        context -> JsonDoc,
        state -> Text,
        fence -> Integer,
        attempt -> Integer,
        resent -> Bool,
        owner -> Nullable<Text>,
        lease_until -> Nullable<Instant>,
        available_at -> Instant,
        expires_at -> Instant,
        created_at -> Instant,
        settled_at -> Nullable<Instant>,
        outcome -> Nullable<Text>,
        held_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    refusals (minute, reason, source) {
        minute -> Instant,
        reason -> Text,
        source -> Text,
        times -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    restores (id) {
        id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    job_failures (job, subject_id) {
        job -> Text,
        subject_id -> Uid,
        clinic_id -> Nullable<Uid>,
        failures -> Integer,
        first_at -> Instant,
        last_at -> Instant,
        retry_at -> Instant,
        why -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    reminders (clinic_id, id) {
        clinic_id -> Uid,
        id -> Uid,
        plan_id -> Uid,
        patient_id -> Uid,
        occurrence_id -> Uid,
        channel -> Text,
        step -> Integer,
        item_key -> Text,
        slot_key -> Text,
        day -> Integer,
        due_at -> Instant,
        decided_at -> Instant,
        decision -> Text,
        reason -> Text,
        outbox_id -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    idempotency_keys (account_id, route, key) {
        account_id -> Uid,
        route -> Text,
        key -> Text,
        body_hash -> Binary,
        response -> JsonDoc,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    events (seq) {
        seq -> BigInt,
        chain -> Uid,
        number -> Nullable<BigInt>,
        hash -> Nullable<Binary>,
        at -> Instant,
        kind -> Text,
        actor_kind -> Text,
        account_id -> Nullable<Uid>,
        member_id -> Nullable<Uid>,
        patient_id -> Nullable<Uid>,
        plan_id -> Nullable<Uid>,
        object_kind -> Nullable<Text>,
        object_id -> Nullable<Uid>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    event_chains (chain) {
        chain -> Uid,
        number -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    check_in_judgements (clinic_id, check_in_id, id) {
        clinic_id -> Uid,
        check_in_id -> Uid,
        id -> Uid,
        plan_id -> Uid,
        version_id -> Uid,
        day -> Integer,
        answers -> JsonDoc,
        not_used -> JsonDoc,
        not_judged -> JsonDoc,
        findings -> JsonDoc,
        urgency -> Nullable<Text>,
        judged_by -> Uid,
        judged_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use ground::sql::{Day, Instant, JsonDoc, Uid};

    kept_marks (clinic_id, plan_id, id) {
        clinic_id -> Uid,
        plan_id -> Uid,
        id -> Uid,
        day -> Integer,
        occurrence_id -> Uid,
        item_key -> Text,
        slot_key -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        why -> Text,
        noted_at -> Instant,
        claimed_at -> Nullable<Text>,
        received_at -> Instant,
        made_by -> Uid,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    clinics,
    accounts,
    members,
    patients,
    links,
    sessions,
    sign_in_tries,
    signing_keys,
    rights,
    treatments,
    courses,
    treatment_links,
    protocol_versions,
    plans,
    plan_migrations,
    plan_moves,
    plan_revisions,
    marks,
    check_ins,
    check_in_judgements,
    record_check_ins,
    kept_marks,
    alerts,
    outbox,
    reminders,
    idempotency_keys,
    events,
    event_chains,
);
