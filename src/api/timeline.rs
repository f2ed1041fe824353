//! Some days of all plans together: what a phone needs while it is without network.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Patient;
use crate::error::Error;
use crate::http::language::asked_language;
use crate::http::{Query, conditions};
use crate::plans::{Known, PlanFile};
use crate::today::forms::{Form, Question};
use crate::today::views::{self, ClinicContact, Item, NotAsked, Today, TodayPlan};
use crate::today::{Away, Days, PlanDay, records_of, seen, tell_apart};
use ground::ids::{AccountId, ClinicId, PatientId, PlanId};
use ground::sql::Conn;
use ground::time::Stamp;
use ground::values::Date;

/// Which days.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DaysParams {
    /// The first local date; today if left out. From 2000-01-01 to 2100-12-31.
    from: Option<Date>,
    /// How many days.
    #[serde(default)]
    #[param(value_type = i32, default = 14, minimum = 1, maximum = 31)]
    days: HowMany,
}

/// 1 to 31 days; 14 unless told.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = i32)]
struct HowMany(i32);

impl Default for HowMany {
    fn default() -> Self {
        Self(14)
    }
}

impl TryFrom<String> for HowMany {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(days) if (1..=31).contains(&days) => Ok(Self(days)),
            _ => Err("out_of_range: `days` must be a whole number from 1 to 31".to_owned()),
        }
    }
}

/// Some days of all plans together.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyTimeline {
    /// The instant for which this was computed: the latest at or before the request at which it changed by itself.
    as_of: Stamp,
    /// The zone in which the days were taken.
    #[schema(example = "Europe/London")]
    zone: String,
    /// The next instant at which this changes by itself; the states of its lines, that is: the lines stay unless something is sent.
    valid_until: Stamp,
    /// The days, in order.
    days: Vec<MyDay>,
    /// The forms of the check-ins among the lines that are not answered, and those of danger signs, each once.
    forms: Vec<FormOfDays>,
    /// Whom to call, and who is watching.
    clinics: Vec<ClinicContact>,
}

/// One day of all plans together.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyDay {
    /// The local date.
    date: Date,
    /// The plans on that day.
    plans: Vec<TodayPlan>,
    /// The lines as Today has them on that date; for today with those of earlier days that can still be done.
    items: Vec<Item>,
    /// What a plan would ask on that day, and is not asked because another plan forbids it for the same area.
    set_aside: Vec<NotAsked>,
}

/// A form, with the days whose questions these are.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct FormOfDays {
    /// The plan: what is sent names it. `null` for the danger signs of a record without a plan: what is sent names the record
    /// (`patient_id`).
    #[schema(required)]
    plan_id: Option<PlanId>,
    /// The record.
    patient_id: PatientId,
    /// The clinic that it goes to.
    clinic_id: ClinicId,
    /// The day numbers that it is about; 0 alone without a plan.
    #[schema(example = json!([3, 5]))]
    days: Vec<i32>,
    /// Its key.
    #[schema(example = "daily")]
    key: String,
    /// The questions, in the order in which to ask them.
    questions: Vec<Question>,
}

/// Get the days of all my plans.
///
/// For a phone that may be without network: lines, forms and telephone numbers of the next 14 days, or of others. Each day is what Today
/// will be on that date, as far as is known now: what is sent, and answers above all, may change the days to come. With
/// `If-None-Match` unchanged days are a 304 without a body.
#[utoipa::path(tag = "today", operation_id = "get_my_timeline",
    params(DaysParams, ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "The days.", body = MyTimeline), (status = 304, description = "You have it already.")))]
#[get("/v1/me/timeline")]
pub async fn get_my_timeline(
    app: web::Data<App>,
    me: Patient,
    Query(params): Query<DaysParams>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner, asked) = (app.clock.now(), app.clone(), asked_language(&request));
    let timeline = app
        .db
        .read(move |c| {
            let asked = Asked { params, language: asked, at };
            let records = records_of(c, &inner.compiled, me.account)?;
            days_of(c, me.account, records, &asked)
        })
        .await?
        .ok_or(Error::NotFound)?;
    conditions::answer(&request, &timeline)
}

/// Which days are asked for, in which language, and when.
struct Asked {
    params: DaysParams,
    language: Option<String>,
    at: Stamp,
}

/// The days of these plans. `None` if there is neither plan nor record.
fn days_of(
    c: &mut Conn,
    account: AccountId,
    records: (Vec<PlanFile>, Vec<Away>),
    asked: &Asked,
) -> Result<Option<MyTimeline>, Error> {
    let Asked { params, language, at } = asked;
    let ((plan_files, away), at) = (records, *at);
    let known = plan_files.iter().map(|plan_file| plan_file.known_all(c)).collect::<Result<Vec<Known>, Error>>()?;
    let today = |plan_file: PlanFile, known: &Known| {
        let day = seen(&plan_file, known, engine::local_date(&plan_file.zone, at), at);
        PlanDay::new(plan_file, day)
    };
    let mut plans: Vec<PlanDay> =
        plan_files.into_iter().zip(&known).map(|(plan_file, known)| today(plan_file, known)).collect();
    tell_apart(c, account, &mut plans)?;
    let first = match (plans.first(), away.first()) {
        (Some(first), _) => first.day.date,
        (None, Some(away)) => engine::local_date(&crate::zones::zone(&away.patient.zone)?, at),
        (None, None) => return Ok(None),
    };
    let from = params.from.map_or(first, |from| from.0);
    let mut days = Days { plans, away };
    let mut timeline: Option<MyTimeline> = None;
    for offset in 0..params.days.0 {
        let date = Date(from.saturating_add(jiff::Span::new().days(offset)));
        for (plan, known) in days.plans.iter_mut().zip(&known) {
            plan.day = seen(&plan.plan_file, known, date.0, at);
        }
        let Some(day) = views::today(&days, Some(date), language.as_deref(), at)? else { return Ok(None) };
        timeline = Some(match timeline {
            None => MyTimeline::beginning_with(day),
            Some(timeline) => timeline.and(day),
        });
    }
    Ok(timeline)
}

impl MyTimeline {
    fn beginning_with(day: Today) -> Self {
        let Today { as_of, zone, valid_until, clinics, .. } = &day;
        let (as_of, zone, valid_until, clinics) = (*as_of, zone.clone(), *valid_until, clinics.clone());
        Self { as_of, zone, valid_until, days: Vec::new(), forms: Vec::new(), clinics }.and(day)
    }

    fn and(mut self, day: Today) -> Self {
        self.as_of = self.as_of.max(day.as_of);
        self.valid_until = self.valid_until.min(day.valid_until);
        for Form { plan_id, patient_id, clinic_id, day, key, questions } in day.forms {
            let of = |known: &FormOfDays| {
                (known.plan_id, known.patient_id, known.clinic_id) == (plan_id, patient_id, clinic_id)
            };
            let same = |known: &&mut FormOfDays| of(known) && known.key == key && known.questions == questions;
            match self.forms.iter_mut().find(same) {
                Some(known) if known.days.contains(&day) => {}
                Some(known) => known.days.push(day),
                None => self.forms.push(FormOfDays { plan_id, patient_id, clinic_id, days: vec![day], key, questions }),
            }
        }
        self.days.push(MyDay { date: day.date, plans: day.plans, items: day.items, set_aside: day.set_aside });
        self
    }
}
