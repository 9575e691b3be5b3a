//! All endpoints of the client-server API, and what is around them.

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Method, header};

use crate::{
    ClientApi, MatrixError, account, account_data, admin, appservice, backup, delayed_event, device,
    directory, discovery,
    endpoint::{EndpointRouter, Served},
    filter, hearth_admin, keys, media, membership, message, openid, presence, profile, push, read, relations,
    room, rtc, session, space, state, synapse_admin, sync, thirdparty, to_device, voip,
};

/// Every family of endpoints.
fn endpoints() -> EndpointRouter {
    let families: &[fn(EndpointRouter) -> EndpointRouter] = &[
        account::routes,
        account_data::routes,
        admin::routes,
        appservice::routes,
        backup::routes,
        delayed_event::routes,
        device::routes,
        directory::routes,
        discovery::routes,
        filter::routes,
        hearth_admin::routes,
        keys::routes,
        media::routes,
        membership::routes,
        message::routes,
        openid::routes,
        presence::routes,
        profile::routes,
        push::routes,
        read::routes,
        relations::routes,
        room::routes,
        rtc::routes,
        session::routes,
        space::routes,
        state::routes,
        sync::routes,
        synapse_admin::routes,
        thirdparty::routes,
        to_device::routes,
        voip::routes,
    ];
    families.iter().fold(EndpointRouter::default(), |router, routes| routes(router))
}

/// Every path and method that is served, sorted.
pub fn served() -> Vec<Served> {
    let mut served = endpoints().served().to_vec();
    served.sort();
    served
}

/// The whole API, to be served as it is or merged with others' routes. The server should make connections
/// known (`into_make_service_with_connect_info`): rate limits and sessions tell addresses apart by it.
pub fn router(api: ClientApi) -> axum::Router {
    endpoints()
        .into_routes()
        .fallback(async |request: Request| {
            nothing(&request, || MatrixError::unrecognized("There is nothing at this path."))
        })
        .method_not_allowed_fallback(async |request: Request| {
            nothing(&request, || MatrixError::method_not_allowed("This path takes other methods."))
        })
        .with_state(api)
}

/// The answer where no endpoint is. `OPTIONS` is answered here for every path.
fn nothing(request: &Request, refusal: impl FnOnce() -> MatrixError) -> Response {
    cross_origin(match *request.method() {
        Method::OPTIONS => Response::default(),
        _ => refusal().into_response(),
    })
}

/// Lets web pages of any origin in ("Web Browser Clients"): the headers come with every answer, errors as well.
// Not a layer around the routes: each request would be moved once more from one box to another.
pub(crate) fn cross_origin(mut response: Response) -> Response {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "X-Requested-With, Content-Type, Authorization"),
        // Answers differ by who asks: no cache may give one user's to another.
        (header::VARY, "Authorization"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
