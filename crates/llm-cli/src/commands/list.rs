//! `llm list`: the models, with vendor, context and prices.

use clap::Args;
use serde_json::json;

use crate::backend::Backend;
use crate::catalogue::{self, Model};
use crate::failure::Failure;
use crate::numbers::{NOTHING, dollars, short};
use crate::table::{Entry, Head, Look, Sheet};
use crate::terminal::{FAINT, Terminal};

/// What of the models is shown.
#[derive(Args)]
#[command(after_help = "\
Examples:
  llm list                        every model that the key may ask
  llm list claude                 those with `claude` in their name
  llm list --mode embedding       those for embeddings
  llm list --json | jq -r '.models[].model'

JSON: {\"models\": [{model, vendors, mode, max_input_tokens, max_output_tokens, input_price_per_million, \
output_price_per_million}]}; prices in dollars, null where nobody knows.")]
pub(crate) struct List {
    /// Only models with this in their name or vendor.
    pub search: Option<String>,
    /// Only models for this: chat, embedding, rerank, image_generation …
    #[arg(long)]
    pub mode: Option<String>,
}

/// Shows the models.
///
/// # Errors
/// When the gateway does not say.
pub(crate) async fn run(asked: &List, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let mut models = catalogue::models(backend).await?;
    models.retain(|model| asked.wants(model));
    let models = catalogue::price(backend, models).await;
    if terminal.json {
        let models: Vec<_> = models.iter().map(Model::to_json).collect();
        return terminal.print_json(&json!({"models": models}), false);
    }
    terminal.print(&table(&models, terminal))?;
    terminal.note(&terminal.paint_beside(FAINT, summary(&models, &backend.place)));
    Ok(())
}

impl List {
    fn wants(&self, model: &Model) -> bool {
        let has = |text: &String| {
            text.to_lowercase().contains(&self.search.as_deref().unwrap_or_default().to_lowercase())
        };
        let is_found = has(&model.name) || model.vendors.iter().any(has);
        is_found && self.mode.as_deref().is_none_or(|mode| model.mode.as_deref().unwrap_or("chat") == mode)
    }
}

fn table(models: &[Model], terminal: Terminal) -> String {
    let heads = [
        Head::Left("model"),
        Head::Left("vendor"),
        Head::Left("for"),
        Head::Right("context"),
        Head::Right("output"),
        Head::Right("in $/M"),
        Head::Right("out $/M"),
    ];
    let mut sheet = Sheet::new(terminal, &heads);
    let size = |tokens: Option<u64>| tokens.map_or_else(faint, |tokens| short(tokens).into());
    let price = |price: Option<f64>| price.map_or_else(faint, |price| dollars(price).into());
    for model in models {
        sheet.row([
            Entry::new(&model.name, Look::Name),
            model.vendors.join(", ").into(),
            Entry::new(model.mode.as_deref().unwrap_or("chat"), Look::Faint),
            size(model.context),
            size(model.output),
            price(model.prices.0),
            price(model.prices.1),
        ]);
    }
    sheet.finish()
}

fn faint() -> Entry {
    Entry::new(NOTHING, Look::Faint)
}

fn summary(models: &[Model], place: &str) -> String {
    let plural = if models.len() == 1 { "" } else { "s" };
    format!("{} model{plural} of {place}", models.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, prices: (Option<f64>, Option<f64>)) -> Model {
        let vendors = vec!["acme".to_owned()];
        Model { name: name.to_owned(), vendors, context: Some(128_000), prices, ..Model::default() }
    }

    #[test]
    fn models_stand_in_a_table() {
        let models =
            [model("smart", (Some(2.5), Some(10.0))), model("a-model-with-a-rather-long-name", (None, None))];
        insta::assert_snapshot!(table(&models, Terminal::plain(80)));
    }

    #[test]
    fn models_are_searched_by_name_and_vendor() {
        let finds = |search: &str| {
            List { search: Some(search.to_owned()), mode: None }.wants(&model("Smart", (None, None)))
        };
        assert!(finds("smart") && finds("ACME") && !finds("other"));
    }
}
