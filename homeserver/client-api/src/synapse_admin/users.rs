//! Accounts ([documentation](https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html)).

use std::{cmp::Reverse, collections::BTreeMap};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use hearth_storage::{
    blocking,
    schema::users::{AccountKind, AccountRow},
};
use hearth_users::NewAccount;
use http::StatusCode;
use ruma::{OwnedUserId, UserId, profile::ProfileFieldName};
use serde::Deserialize;
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    ClientApi, MatrixError, Result,
    account::{
        deactivate::end_account,
        register::{check_password, free_user_id},
    },
    profile::set::tell_rooms,
    synapse_admin::{
        AdminRequest, existing_user, local_user, no_such_user,
        request::{Direction, Paging},
        told,
    },
};

/// How many accounts are read at once for a list.
const AT_ONCE: usize = 1000;

#[derive(Deserialize)]
struct Filter {
    name: Option<String>,
    user_id: Option<String>,
    guests: Option<bool>,
    deactivated: Option<String>,
    admins: Option<bool>,
    locked: Option<bool>,
    /// `false` asks for those who await approval.
    approved: Option<bool>,
    #[serde(default)]
    order_by: Order,
}

/// By what a list is ordered. Whatever else tools ask for is by name.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Name,
    Displayname,
    CreationTs,
    LastSeenTs,
    Admin,
    Deactivated,
    IsGuest,
    #[serde(other)]
    Other,
}

/// `GET /_synapse/admin/v2/users`: without `deactivated` only those are told who are not.
pub async fn list(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let filter: Filter = request.query()?;
    let deactivated = match filter.deactivated.as_deref() {
        Some("true") => None,
        _ => Some(false),
    };
    blocking(|| found(&api, &request, &filter, deactivated))
}

/// `GET /_synapse/admin/v3/users`: there `deactivated` chooses.
pub async fn list_v3(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let filter: Filter = request.query()?;
    let deactivated = filter.deactivated.as_deref().map(|deactivated| deactivated == "true");
    blocking(|| found(&api, &request, &filter, deactivated))
}

fn found(
    api: &ClientApi,
    request: &AdminRequest,
    filter: &Filter,
    deactivated: Option<bool>,
) -> Result<Response> {
    let paging: Paging = request.query()?;
    let mut all = Vec::new();
    loop {
        let after = all.last().map(|(user, _): &(OwnedUserId, AccountRow)| user.clone());
        let batch = api.users.accounts.list(after.as_deref(), AT_ONCE)?;
        let ended = batch.len() < AT_ONCE;
        all.extend(batch);
        if ended {
            break;
        }
    }
    let mut accounts = Vec::new();
    for (user, row) in all {
        let wanted = deactivated.is_none_or(|deactivated| row.deactivated == deactivated)
            && filter.guests.is_none_or(|guests| guests || row.kind != AccountKind::Guest)
            && filter.admins.is_none_or(|admins| row.admin == admins)
            && (filter.locked != Some(false) || !row.locked)
            && filter.user_id.as_deref().is_none_or(|part| contains(user.as_str(), part));
        if !wanted || filter.approved == Some(false) && !api.users.accounts.awaits_approval(&user)? {
            continue;
        }
        let profile = api.users.profiles.get(&user)?;
        let named = filter.name.as_deref().is_none_or(|name| {
            contains(user.localpart(), name)
                || profile.displayname.as_deref().is_some_and(|displayname| contains(displayname, name))
        });
        if named {
            accounts.push(described(api, &user, &row)?);
        }
    }
    sort(&mut accounts, filter.order_by);
    if paging.dir == Direction::Backward {
        accounts.reverse();
    }
    let page = paging.page(accounts);
    let mut answer = json!({ "users": page.items, "total": page.total });
    if let Some(next) = page.next {
        answer["next_token"] = next.to_string().into();
    }
    Ok(told(answer))
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn sort(accounts: &mut [Value], order: Order) {
    let text = |account: &Value, key: &str| account[key].as_str().unwrap_or_default().to_owned();
    match order {
        Order::Name | Order::Other => accounts.sort_by_key(|account| text(account, "name")),
        Order::Displayname => accounts.sort_by_key(|account| text(account, "displayname").to_lowercase()),
        Order::CreationTs => accounts.sort_by_key(|account| account["creation_ts"].as_u64()),
        Order::LastSeenTs => accounts.sort_by_key(|account| account["last_seen_ts"].as_u64()),
        Order::Admin => accounts.sort_by_key(|account| Reverse(account["admin"].as_bool())),
        Order::Deactivated => accounts.sort_by_key(|account| Reverse(account["deactivated"].as_bool())),
        Order::IsGuest => accounts.sort_by_key(|account| Reverse(account["is_guest"].as_bool())),
    }
}

/// An account as this API tells it.
fn described(api: &ClientApi, user: &UserId, row: &AccountRow) -> Result<Value> {
    let profile = api.users.profiles.get(user)?;
    let seen = api.users.devices.list(user)?.into_iter().filter_map(|device| device.last_seen_at).max();
    Ok(json!({
        "name": user,
        "displayname": profile.displayname,
        "avatar_url": profile.avatar_url,
        "is_guest": row.kind == AccountKind::Guest,
        "admin": row.admin,
        "deactivated": row.deactivated,
        "erased": row.erased,
        "locked": row.locked,
        "suspended": row.suspended,
        "shadow_banned": api.users.restrictions.get(user)?.shadow_banned,
        "user_type": null,
        "approved": !api.users.accounts.awaits_approval(user)?,
        "creation_ts": row.created_at,
        "last_seen_ts": seen,
    }))
}

/// `GET /_synapse/admin/v2/users/{userId}`
pub async fn get(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = local_user(&api, &request)?;
    Ok(told(detailed(&api, &user)?))
}

/// The same with what no list tells.
fn detailed(api: &ClientApi, user: &UserId) -> Result<Value> {
    let row = api.users.accounts.get(user)?.ok_or_else(|| no_such_user(user))?;
    let mut account = described(api, user, &row)?;
    let more = json!({
        "threepids": [], "external_ids": [], "appservice_id": null, "consent_server_notice_sent": null,
        "consent_version": null, "consent_ts": null,
    });
    if let (Value::Object(account), Value::Object(more)) = (&mut account, more) {
        account.extend(more);
    }
    Ok(account)
}

/// What is to be set of an account; the rest stays as it is.
#[derive(Deserialize)]
struct Changes {
    password: Option<String>,
    #[serde(default = "yes")]
    logout_devices: bool,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    displayname: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    avatar_url: Option<Value>,
    admin: Option<bool>,
    deactivated: Option<bool>,
    locked: Option<bool>,
    approved: Option<bool>,
    #[serde(default)]
    threepids: Vec<BTreeMap<String, Value>>,
    #[serde(default)]
    external_ids: Vec<BTreeMap<String, Value>>,
    user_type: Option<String>,
}

fn yes() -> bool {
    true
}

/// Tells `null` from what is not there.
fn given<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// `PUT /_synapse/admin/v2/users/{userId}`: makes an account (201), or changes one.
pub async fn put(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = local_user(&api, &request)?;
    let changes: Changes = request.body()?;
    for (what, is_given) in [
        ("threepids", !changes.threepids.is_empty()),
        ("external_ids", !changes.external_ids.is_empty()),
        ("user_type", changes.user_type.is_some()),
    ] {
        if is_given {
            return Err(MatrixError::invalid_param(format!("This server keeps no {what} of an account.")));
        }
    }
    if let Some(password) = &changes.password {
        check_password(password)?;
    }
    let is_new = !api.users.accounts.exists(&user)?;
    let user = if is_new { free_user_id(&api, user.localpart())? } else { user };
    if is_new {
        let password = changes.password.as_deref();
        let account =
            NewAccount { password, kind: AccountKind::User, admin: changes.admin.unwrap_or_default() };
        api.users.accounts.create(&user, account).await?;
    } else {
        not_oneself(&request, &user, changes.admin == Some(false), "take your own power")?;
        not_oneself(&request, &user, changes.deactivated == Some(true), "end your own account")?;
        not_oneself(&request, &user, changes.locked == Some(true), "lock yourself out")?;
        not_oneself(&request, &user, changes.approved == Some(false), "lock yourself out")?;
        revive(&api, &user, changes.deactivated)?;
        if let Some(password) = &changes.password {
            set_password(&api, &user, password, changes.logout_devices).await?;
        }
        if let Some(admin) = changes.admin {
            api.users.accounts.set_admin(&user, admin).await?;
        }
    }
    if let Some(locked) = changes.locked {
        api.users.accounts.set_locked(&user, locked).await?;
    }
    if let Some(approved) = changes.approved {
        api.users.accounts.set_approved(&user, approved).await?;
        if !approved {
            api.users.sessions.logout_all(&user).await?;
        }
    }
    for (field, value) in [
        (ProfileFieldName::DisplayName, &changes.displayname),
        (ProfileFieldName::AvatarUrl, &changes.avatar_url),
    ] {
        let Some(value) = value else { continue };
        // An empty one is none, as tools send it.
        let value = if value == "" { &Value::Null } else { value };
        api.users.profiles.set(&user, field.as_str(), &to_raw_value(value)?).await?;
        tell_rooms(&api, &user, &field).await?;
    }
    if changes.deactivated == Some(true) {
        end_account(&api, &user, false).await?;
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, told(detailed(&api, &user)?)).into_response())
}

fn not_oneself(request: &AdminRequest, user: &UserId, would: bool, what: &str) -> Result<()> {
    match would && request.who.user == user {
        true => Err(MatrixError::forbidden(format!("You may not {what}."))),
        false => Ok(()),
    }
}

/// An account that was ended does not come back: what belonged to it is gone.
fn revive(api: &ClientApi, user: &UserId, deactivated: Option<bool>) -> Result<()> {
    let is_ended = api.users.accounts.get(user)?.is_some_and(|row| row.deactivated);
    match is_ended && deactivated == Some(false) {
        true => Err(MatrixError::invalid_param("An account that was deactivated does not come back.")),
        false => Ok(()),
    }
}

async fn set_password(api: &ClientApi, user: &UserId, password: &str, logout_devices: bool) -> Result<()> {
    check_password(password)?;
    api.users.accounts.set_password(user, password).await?;
    if logout_devices {
        api.users.sessions.logout_all(user).await?;
    }
    Ok(())
}

/// `GET /_synapse/admin/v1/users/{userId}/admin`
pub async fn get_admin(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = local_user(&api, &request)?;
    let row = api.users.accounts.get(&user)?.ok_or_else(|| no_such_user(&user))?;
    Ok(told(json!({ "admin": row.admin })))
}

/// `PUT /_synapse/admin/v1/users/{userId}/admin`
pub async fn set_admin(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        admin: bool,
    }
    let user = existing_user(&api, &request)?;
    let Body { admin } = request.body()?;
    not_oneself(&request, &user, !admin, "take your own power")?;
    api.users.accounts.set_admin(&user, admin).await?;
    Ok(told(json!({})))
}

/// `POST /_synapse/admin/v1/deactivate/{userId}`
pub async fn deactivate(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        erase: bool,
    }
    let user = existing_user(&api, &request)?;
    let Body { erase } = request.body()?;
    end_account(&api, &user, erase).await?;
    // No identity server was ever told of this user.
    Ok(told(json!({ "id_server_unbind_result": "success" })))
}

/// `POST /_synapse/admin/v1/reset_password/{userId}`
pub async fn reset_password(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        new_password: String,
        #[serde(default = "yes")]
        logout_devices: bool,
    }
    let user = existing_user(&api, &request)?;
    let body: Body = request.body()?;
    set_password(&api, &user, &body.new_password, body.logout_devices).await?;
    Ok(told(json!({})))
}

/// `PUT /_synapse/admin/v1/suspend/{userId}`
pub async fn suspend(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        suspend: bool,
    }
    let user = existing_user(&api, &request)?;
    let Body { suspend } = request.body()?;
    not_oneself(&request, &user, suspend, "suspend yourself")?;
    api.users.accounts.set_suspended(&user, suspend).await?;
    Ok(told(json!({ format!("user_{user}_suspended"): suspend })))
}

/// `GET /_synapse/admin/v1/username_available`
pub async fn username_available(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        username: String,
    }
    let Query { username } = request.query()?;
    free_user_id(&api, &username)?;
    Ok(told(json!({ "available": true })))
}

/// `POST /_synapse/admin/v1/users/{userId}/login`: a session of that user, for whoever is to act as them.
pub async fn login(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    if request.who.user == user {
        return Err(MatrixError::invalid_param("You are logged in as yourself."));
    }
    let name = format!("Opened by {}", request.who.user);
    let tokens = api.users.sessions.create(&user, None, Some(&name), false).await?;
    tracing::warn!(administrator = %request.who.user, %user, "an administrator logged in as a user");
    Ok(told(json!({ "access_token": tokens.access_token })))
}
