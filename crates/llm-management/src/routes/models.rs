//! Models kept in the store. Only administrators of the gateway change them: a deployment may use the gateway's own
//! credentials, files and network.

mod change;
mod groups;
mod info;
mod show;

use crate::declared::{text, texts};
use crate::known;
use crate::request::Method::{Get, Patch, Post};
use crate::route::Access::{Admin, Holder};
use crate::route::Route;

/// Routes of models.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/model/new", Admin, |call| Box::pin(change::new(call)))
        .about("Adds a model to those of the configuration.")
        .takes(&[known::MODEL], r#"{"model_name": "docs", "litellm_params": {"model": "mock/echo"}}"#),
    Route::change(Post, "/model/update", Admin, |call| Box::pin(change::update(call)))
        .about("Changes the model that `model_info.id` names.")
        .takes(
            &[known::MODEL, &[texts("litellm_params_to_remove", "parameters to take away")]],
            r#"{"model_name": "docs", "model_info": {"id": "model-docs"}}"#,
        ),
    Route::change(Patch, "/model/{model_id}/update", Admin, |call| Box::pin(change::patch(call)))
        .about("Changes a model.")
        .takes(
            &[known::MODEL, &[texts("litellm_params_to_remove", "parameters to take away")]],
            r#"{"model_name": "docs"}"#,
        ),
    Route::change(Post, "/model/delete", Admin, |call| Box::pin(change::delete(call)))
        .about("Deletes a model.")
        .takes(&[&[text("id", "the model").needed()]], r#"{"id": "model-docs"}"#),
    Route::look(Get, "/model/info", Holder, |call| Box::pin(info::info(call)))
        .about("Shows the deployments behind models, without secrets.")
        .asks(&[&[text("litellm_model_id", "this deployment alone")]]),
    Route::look(Get, "/v1/model/info", Holder, |call| Box::pin(info::info(call)))
        .about("Shows the deployments behind models, without secrets.")
        .asks(&[&[text("litellm_model_id", "this deployment alone")]]),
    Route::look(Get, "/model_group/info", Holder, |call| Box::pin(groups::info(call)))
        .about("Shows models by public name: what they can, and what they cost.")
        .asks(&[&[text("model_group", "this model alone")]]),
];
