//! `/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags`

use axum::extract::State;
use hearth_users::Users;
use ruma::{
    api::client::tag::{create_tag::v3 as create, delete_tag::v3 as delete, get_tags::v3 as get},
    events::tag::TagName,
};

use crate::{Answer, MatrixError, Request, Result};

/// How long a tag may be, in bytes.
const MAX_TAG: usize = 255;

/// The tags that the user gave a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags)).
pub async fn get_tags(
    State(users): State<Users>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    request.who.is(&request.body.user_id)?;
    let tags = users.account_data.tags(&request.who.user, &request.body.room_id)?;
    Ok(Answer(get::Response::new(tags)))
}

/// Tags a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag)).
pub async fn create_tag(
    State(users): State<Users>,
    request: Request<create::Request>,
) -> Result<Answer<create::Response>> {
    request.who.is(&request.body.user_id)?;
    if request.body.tag.len() > MAX_TAG {
        return Err(MatrixError::invalid_param("The tag is too long."));
    }
    let tag = TagName::from(request.body.tag);
    users.account_data.set_tag(&request.who.user, &request.body.room_id, tag, request.body.tag_info).await?;
    Ok(Answer(create::Response::new()))
}

/// Takes a tag off a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag)).
pub async fn delete_tag(
    State(users): State<Users>,
    request: Request<delete::Request>,
) -> Result<Answer<delete::Response>> {
    request.who.is(&request.body.user_id)?;
    let tag = TagName::from(request.body.tag);
    users.account_data.delete_tag(&request.who.user, &request.body.room_id, &tag).await?;
    Ok(Answer(delete::Response::new()))
}
