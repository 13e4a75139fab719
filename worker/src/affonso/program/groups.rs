//! `/v1/program/groups`: what affiliates earn by is set for groups of them. State: `affiliate_group` in D1.
//!
//! A program that has groups has exactly one that is the default: a new default takes the flag from the old one.

use attribution::edits::Edit;
use attribution::ids::GroupId;
use attribution::ledger::Unavailable;
use attribution::level::Level;
use attribution::limits::MAX_GROUP_DESCRIPTION;
use attribution::limits::MAX_GROUPS;
use attribution::money::Currency;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::levels;
use crate::affonso::lists::{Parameters, page_of};
use crate::affonso::{Problem, caller, incentives, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::platform::{SystemRandom, now};
use crate::store::api_key::ApiKey;
use crate::store::group::{self, Change, Group};
use crate::store::incentive::{self, OwnedIncentive};
use crate::store::level;

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    #[serde(default)]
    description: Edit<String>,
    is_default: Option<bool>,
}

/// What may be shown with a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Incentives,
    Levels,
}

const PARTS: [(&str, Part); 2] = [("incentives", Part::Incentives), ("multi_level_incentives", Part::Levels)];

/// The groups of the key's program, oldest first.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let (page, parts) = (parameters.page_of_all(MAX_GROUPS.unsigned_abs()), parameters.expand(&PARTS));
    let page = parameters.finish(page)?;
    let groups = group::of_program(&funnel.database, &key.program_id).await?;
    let shown = expanded(funnel, &key, page.cut(&groups), &parts).await?;
    Ok(page_of(&shown, page, groups.len().try_into().unwrap_or(MAX_GROUPS)))
}

/// One of the groups.
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let parts = parameters.expand(&PARTS);
    let parts = parameters.finish(parts)?;
    let group = find(funnel, &key, id).await?;
    let shown = expanded(funnel, &key, &[group], &parts).await?;
    Ok(success(200, shown.first().unwrap_or(&Value::Null)))
}

/// Makes one, unless the program has too many (409).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let group = check_new(input::read::<Body>(incoming)?)?;
    if !group::insert(&funnel.database, &key.team_id, &key.program_id, &group).await? {
        let message = format!("The program has {MAX_GROUPS} groups already");
        return Err(Problem::Conflict { code: "LIMIT_REACHED", message });
    }
    forget_program(&key.program_id);
    let made = find(funnel, &key, group.id.as_str()).await?;
    Ok(success(201, &Value::Object(view(&made))))
}

fn check_new(body: Body) -> Result<Group, BodyProblem> {
    let mut fields = Fields::default();
    let name = fields.required("name", body.name, MAX_TEXT);
    let description = fields.text("description", body.description.as_set().cloned(), MAX_GROUP_DESCRIPTION);
    let group = name.map(|name| Group {
        id: GroupId::mint(&mut SystemRandom),
        name,
        description,
        is_default: body.is_default == Some(true),
        affiliate_count: 0,
        created_at: now(),
    });
    fields.finish(group)
}

/// Changes what is sent. A default stays one until another group becomes it.
pub async fn update(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let ends_default = body.is_default == Some(false);
    let change = check_change(body)?;
    if ends_default && find(funnel, &key, id).await?.is_default {
        let message = "cannot be false for the default group: make another one the default instead";
        return Err(BodyProblem::of("is_default", message).into());
    }
    if !group::update(&funnel.database, &key.program_id, &GroupId::new(id), &change).await? {
        return Err(Problem::NotFound(KIND));
    }
    forget_program(&key.program_id);
    let changed = find(funnel, &key, id).await?;
    Ok(success(200, &Value::Object(view(&changed))))
}

fn check_change(body: Body) -> Result<Change, BodyProblem> {
    let mut fields = Fields::default();
    let change = Change {
        name: fields.filled_text("name", body.name, MAX_TEXT),
        description: fields.clearable_text("description", body.description, MAX_GROUP_DESCRIPTION),
        becomes_default: body.is_default == Some(true),
    };
    let change = fields.finish(Some(change))?;
    if change == Change::default() && body.is_default.is_none() {
        return Err(nothing_sent("name"));
    }
    Ok(change)
}

/// Removes one together with its incentives and levels (409 for the default, and while affiliates are in it).
pub async fn delete(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    if !group::delete(&funnel.database, &key.program_id, &GroupId::new(id)).await? {
        return Err(why_it_stays(&find(funnel, &key, id).await?));
    }
    forget_program(&key.program_id);
    Ok(Answer::json(200, &json!({ "success": true, "message": "Group deleted" })))
}

fn why_it_stays(group: &Group) -> Problem {
    if group.is_default {
        let message = "The default group cannot be deleted: make another one the default first".to_owned();
        return Problem::Conflict { code: "DEFAULT_GROUP", message };
    }
    if group.affiliate_count > 0 {
        let message = format!("The group has {} affiliates: move them to another one first", group.affiliate_count);
        return Problem::Conflict { code: "GROUP_IN_USE", message };
    }
    Unavailable(format!("group {} was changed while it was to be deleted", group.id)).into()
}

/// What such an object is called in a 404.
const KIND: &str = "Group";

/// The group with this id, if it is one of the key's program.
pub(super) async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<Group, Problem> {
    let group = group::find(&funnel.database, &key.program_id, &GroupId::new(id)).await?;
    group.ok_or(Problem::NotFound(KIND))
}

/// The groups as they are shown, each with the parts that are wanted.
async fn expanded(funnel: &Funnel, key: &ApiKey, groups: &[Group], parts: &[Part]) -> Result<Vec<Value>, Problem> {
    let (mut incentives, mut levels) = (None, None);
    if parts.contains(&Part::Incentives) {
        incentives = Some(incentive::of_groups(&funnel.database, &key.program_id).await?);
    }
    if parts.contains(&Part::Levels) {
        levels = Some(level::of_program(&funnel.database, &key.program_id).await?);
    }
    let currency = funnel.program(&key.program_id).await?.currency;
    let shown = groups.iter().map(|group| {
        let mut shown = view(group);
        if let Some(incentives) = &incentives {
            shown.insert("incentives".to_owned(), incentives_of(group, incentives, currency));
        }
        if let Some(levels) = &levels {
            shown.insert("multi_level_incentives".to_owned(), levels_of(group, levels));
        }
        Value::Object(shown)
    });
    Ok(shown.collect())
}

fn incentives_of(group: &Group, incentives: &[OwnedIncentive], currency: Currency) -> Value {
    let of_group = incentives.iter().filter(|incentive| incentive.owner.group() == Some(&group.id));
    of_group.map(|incentive| incentives::view(incentive, currency)).collect()
}

fn levels_of(group: &Group, levels: &[Level]) -> Value {
    levels.iter().filter(|level| level.group_id == group.id).map(levels::view).collect()
}

fn view(group: &Group) -> Map<String, Value> {
    let fields = [
        ("id", json!(group.id)),
        ("name", json!(group.name)),
        ("description", json!(group.description)),
        ("is_default", json!(group.is_default)),
        ("affiliate_count", json!(group.affiliate_count)),
        ("created_at", json!(group.created_at.to_rfc3339())),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
