//! `/v1/program/groups/{id}/levels`: what those earn who recruited the selling affiliate. The list is replaced as a whole.
//!
//! The dialect shows it with a group as `multi_level_incentives` and publishes no fields for it: they are this project's.
//! State: `level` in D1. Source of the rules: docs/rules.md, section 4.

use attribution::ids::{GroupId, IncentiveId};
use attribution::level::{Base, Level};
use attribution::limits::MAX_LEVELS;
use attribution::money::Rate;
use serde::Deserialize;
use serde_json::{Number, Value, json};

use super::groups;
use crate::affonso::{Problem, caller, live_caller, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields};
use crate::platform::{SystemRandom, now};
use crate::store::api_key::ApiKey;
use crate::store::level;

#[derive(Deserialize)]
struct Body {
    levels: Option<Vec<LevelBody>>,
}

#[derive(Deserialize)]
struct LevelBody {
    level: Option<i64>,
    base: Option<String>,
    percentage: Option<Number>,
}

/// A level that is wanted, of no group yet.
struct Wanted {
    position: u32,
    base: Base,
    rate: Rate,
}

/// The levels of a group, the first first.
pub async fn show(incoming: &Incoming, funnel: &Funnel, group: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let group = groups::find(funnel, &key, group).await?.id;
    answer(funnel, &key, &group).await
}

/// Replaces them.
pub async fn replace(incoming: &Incoming, funnel: &Funnel, group: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let wanted = check(input::read::<Body>(incoming)?)?;
    let group = groups::find(funnel, &key, group).await?.id;
    let levels: Vec<Level> = wanted.into_iter().map(|wanted| wanted.of_group(&group)).collect();
    level::replace(&funnel.database, &key.team_id, &key.program_id, &group, &levels, now()).await?;
    forget_program(&key.program_id);
    answer(funnel, &key, &group).await
}

impl Wanted {
    fn of_group(self, group: &GroupId) -> Level {
        Level {
            id: IncentiveId::mint(&mut SystemRandom),
            group_id: group.clone(),
            position: u8::try_from(self.position).unwrap_or(u8::MAX),
            base: self.base,
            rate: self.rate,
        }
    }
}

async fn answer(funnel: &Funnel, key: &ApiKey, group: &GroupId) -> Result<Answer, Problem> {
    let levels = level::of_program(&funnel.database, &key.program_id).await?;
    let shown: Vec<Value> = levels.iter().filter(|level| level.group_id == *group).map(view).collect();
    Ok(success(200, &json!({ "levels": shown })))
}

/// The levels in order; they are 1 to their number, in whatever order they are sent.
fn check(body: Body) -> Result<Vec<Wanted>, BodyProblem> {
    let mut fields = Fields::default();
    let Some(sent) = body.levels else {
        fields.refuse("levels", "is required: a list of up to three, or an empty one");
        return fields.finish(None);
    };
    if sent.len() > MAX_LEVELS {
        fields.refuse("levels", format!("has more than {MAX_LEVELS} entries"));
        return fields.finish(None);
    }
    let mut levels: Vec<Wanted> = sent
        .into_iter()
        .enumerate()
        .filter_map(|(place, level)| check_level(&format!("levels[{place}]"), level, &mut fields))
        .collect();
    levels.sort_by_key(|level| level.position);
    let is_whole = levels.iter().zip(1..).all(|(level, position)| level.position == position);
    if fields.is_clean() && !is_whole {
        fields.refuse("levels", "must be level 1, or 1 and 2, or 1, 2 and 3, each once");
    }
    fields.finish(Some(levels))
}

fn check_level(at: &str, body: LevelBody, fields: &mut Fields) -> Option<Wanted> {
    let name = |field: &str| format!("{at}.{field}");
    let position = match body.level {
        Some(level) => fields.whole(&name("level"), level, 1..=3),
        None => fields.missing(&name("level")),
    };
    let base = match body.base.map(|word| word.to_ascii_lowercase()) {
        Some(word) => fields.word(&name("base"), Some(word), &Base::WORDS, Base::from_word),
        None => fields.missing(&name("base")),
    };
    let rate = match body.percentage {
        Some(percentage) => fields.percentage(&name("percentage"), &percentage),
        None => fields.missing(&name("percentage")),
    };
    Some(Wanted { position: position?, base: base?, rate: rate? })
}

/// A level as `/v1` shows it.
pub(super) fn view(level: &Level) -> Value {
    let percentage = level.rate.to_percent().parse::<Number>().map_or(Value::Null, Value::Number);
    json!({ "level": level.position, "base": level.base.as_str(), "percentage": percentage })
}
