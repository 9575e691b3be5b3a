//! `/_matrix/client/v3/pushrules/global/{kind}/{ruleId}` and what is below it

use axum::extract::State;
use hearth_users::{Users, UsersError};
use http::Method;
use ruma::{
    UserId,
    api::{
        IncomingRequest, Metadata,
        client::push::{
            PushRule, RuleKind, delete_pushrule::v3 as delete, get_pushrule::v3 as get,
            get_pushrule_actions::v3 as get_actions, get_pushrule_enabled::v3 as get_enabled,
            set_pushrule::v3 as set, set_pushrule_actions::v3 as set_actions,
            set_pushrule_enabled::v3 as set_enabled,
        },
        error::DeserializationError,
    },
    serde::JsonObject,
};
use serde_json::json;

use crate::{Answer, MatrixError, Request, Result};

/// One push rule
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleid)).
pub async fn get_pushrule(
    State(users): State<Users>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let rule = rule(&users, &request.who.user, request.body.kind, &request.body.rule_id)?;
    Ok(Answer(get::Response::new(rule)))
}

/// ruma's request, to which a rule without conditions has some: none, so that it always matches.
pub struct SetPushRule(set::Request);

impl Metadata for SetPushRule {
    type Authentication = <set::Request as Metadata>::Authentication;
    type PathBuilder = <set::Request as Metadata>::PathBuilder;

    const METHOD: Method = set::Request::METHOD;
    const PATH_BUILDER: Self::PathBuilder = set::Request::PATH_BUILDER;
    const RATE_LIMITED: bool = set::Request::RATE_LIMITED;
}

impl IncomingRequest for SetPushRule {
    type EndpointError = <set::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = set::Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> std::result::Result<Self, DeserializationError> {
        if !matches!(path_args.first(), Some(&("override" | "underride"))) {
            return set::Request::try_from_http_request_inner(request, path_args).map(Self);
        }
        let mut body: JsonObject = serde_json::from_slice(request.body())?;
        body.entry("conditions").or_insert_with(|| json!([]));
        let body = serde_json::to_vec(&body)?;
        set::Request::try_from_http_request_inner(request.map(|_| &*body), path_args).map(Self)
    }
}

/// Makes or changes a rule of the user's own
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid)).
pub async fn set_pushrule(
    State(users): State<Users>,
    request: Request<SetPushRule>,
) -> Result<Answer<set::Response>> {
    let SetPushRule(set::Request { rule, before, after, .. }) = request.body;
    match users.push_rules.insert(&request.who.user, rule, after.as_deref(), before.as_deref()).await {
        Ok(()) => Ok(Answer(set::Response::new())),
        // Not the rule of the path is missing, but the one to place it by.
        Err(UsersError::NotFound(what)) => Err(MatrixError::unknown(what)),
        Err(error) => Err(error.into()),
    }
}

/// Deletes a rule of the user's own
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid)).
pub async fn delete_pushrule(
    State(users): State<Users>,
    request: Request<delete::Request>,
) -> Result<Answer<delete::Response>> {
    users.push_rules.remove(&request.who.user, request.body.kind, &request.body.rule_id).await?;
    Ok(Answer(delete::Response::new()))
}

/// Whether a rule is on
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidenabled)).
pub async fn get_pushrule_enabled(
    State(users): State<Users>,
    request: Request<get_enabled::Request>,
) -> Result<Answer<get_enabled::Response>> {
    let rule = rule(&users, &request.who.user, request.body.kind, &request.body.rule_id)?;
    Ok(Answer(get_enabled::Response::new(rule.enabled)))
}

/// Turns a rule on or off
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled)).
pub async fn set_pushrule_enabled(
    State(users): State<Users>,
    request: Request<set_enabled::Request>,
) -> Result<Answer<set_enabled::Response>> {
    let set_enabled::Request { kind, rule_id, enabled, .. } = request.body;
    users.push_rules.set_enabled(&request.who.user, kind, &rule_id, enabled).await?;
    Ok(Answer(set_enabled::Response::new()))
}

/// What a rule does
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions)).
pub async fn get_pushrule_actions(
    State(users): State<Users>,
    request: Request<get_actions::Request>,
) -> Result<Answer<get_actions::Response>> {
    let rule = rule(&users, &request.who.user, request.body.kind, &request.body.rule_id)?;
    Ok(Answer(get_actions::Response::new(rule.actions)))
}

/// Sets what a rule does
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions)).
pub async fn set_pushrule_actions(
    State(users): State<Users>,
    request: Request<set_actions::Request>,
) -> Result<Answer<set_actions::Response>> {
    let set_actions::Request { kind, rule_id, actions, .. } = request.body;
    users.push_rules.set_actions(&request.who.user, kind, &rule_id, actions).await?;
    Ok(Answer(set_actions::Response::new()))
}

fn rule(users: &Users, user: &UserId, kind: RuleKind, rule_id: &str) -> Result<PushRule> {
    let ruleset = users.push_rules.ruleset(user)?;
    let rule = ruleset.get(kind, rule_id).map(PushRule::from);
    rule.ok_or_else(|| MatrixError::not_found("There is no such push rule."))
}
