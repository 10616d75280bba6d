//! What a key may do, as flags say it.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// What a key may do.
#[derive(Args, Default)]
pub(crate) struct Terms {
    /// What people call it.
    #[arg(long)]
    pub alias: Option<String>,
    /// The models that it may ask, between spaces or commas; `all` for all.
    #[arg(short, long, num_args = 1.., value_delimiter = ',')]
    pub models: Vec<String>,
    /// Dollars that it may spend.
    #[arg(long, value_name = "DOLLARS")]
    pub max_budget: Option<f64>,
    /// After which time the budget begins again: 1d, 30d, 1mo.
    #[arg(long, value_name = "TIME")]
    pub budget_duration: Option<String>,
    /// Requests a minute.
    #[arg(long, value_name = "N")]
    pub rpm: Option<u64>,
    /// Tokens a minute.
    #[arg(long, value_name = "N")]
    pub tpm: Option<u64>,
    /// Requests at a time.
    #[arg(long, value_name = "N")]
    pub max_parallel: Option<u64>,
    /// How long it works: 1h, 30d.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,
    /// The team that it belongs to.
    #[arg(long)]
    pub team: Option<String>,
    /// The user that it belongs to.
    #[arg(long)]
    pub user: Option<String>,
    /// Tags of its calls, between spaces or commas.
    #[arg(long, num_args = 1.., value_delimiter = ',')]
    pub tags: Vec<String>,
    /// Any other field of the management API: `--set soft_budget=3`, `--set 'metadata={"unit":"7"}'`. Can be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = field)]
    pub set: Vec<(String, Value)>,
}

fn field(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("say NAME=VALUE")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}

impl Terms {
    /// The fields of the management API.
    ///
    /// # Errors
    /// When a number is none that a budget can have.
    pub(crate) fn fields(&self) -> Result<Map<String, Value>, Failure> {
        if self.max_budget.is_some_and(|budget| !budget.is_finite() || budget < 0.0) {
            return Err(Failure::usage("a budget is an amount of dollars: --max-budget 5"));
        }
        let models: &[String] = if self.models == ["all"] { &[] } else { &self.models };
        let given = [
            ("key_alias", self.alias.as_ref().map(|alias| json!(alias))),
            ("models", (!self.models.is_empty()).then(|| json!(models))),
            ("max_budget", self.max_budget.map(|budget| json!(budget))),
            ("budget_duration", self.budget_duration.as_ref().map(|time| json!(time))),
            ("rpm_limit", self.rpm.map(|limit| json!(limit))),
            ("tpm_limit", self.tpm.map(|limit| json!(limit))),
            ("max_parallel_requests", self.max_parallel.map(|limit| json!(limit))),
            ("duration", self.duration.as_ref().map(|time| json!(time))),
            ("team_id", self.team.as_ref().map(|team| json!(team))),
            ("user_id", self.user.as_ref().map(|user| json!(user))),
            ("tags", (!self.tags.is_empty()).then(|| json!(self.tags))),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(given.chain(self.set.iter().cloned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_fields() {
        let terms = Terms {
            alias: Some("ada".to_owned()),
            models: vec!["all".to_owned()],
            max_budget: Some(5.0),
            rpm: Some(60),
            set: vec![("soft_budget".to_owned(), json!(3))],
            ..Terms::default()
        };
        let fields =
            json!({"key_alias": "ada", "models": [], "max_budget": 5.0, "rpm_limit": 60, "soft_budget": 3});
        assert_eq!(terms.fields().map(Value::Object), Ok(fields));
    }

    #[test]
    fn what_is_no_budget_is_refused() {
        assert!(Terms { max_budget: Some(f64::NAN), ..Terms::default() }.fields().is_err());
        assert!(Terms { max_budget: Some(-1.0), ..Terms::default() }.fields().is_err());
    }
}
