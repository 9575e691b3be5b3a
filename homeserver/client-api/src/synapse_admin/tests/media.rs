use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Value, json};

use super::{ADMIN, server};
use crate::testing::{TestServer, User, error};

/// Uploads something, and gives its id.
async fn upload(server: &TestServer, who: &User, bytes: &str) -> String {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/_matrix/media/v3/upload?filename={}.txt", bytes.len()))
        .header(header::CONTENT_TYPE, "text/plain")
        .header(header::AUTHORIZATION, format!("Bearer {}", who.token));
    let response = server.send(request.body(Body::from(bytes.to_owned())).unwrap()).await;
    assert_eq!(response.status(), 200);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    answer["content_uri"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned()
}

async fn download(server: &TestServer, who: &User, id: &str) -> u16 {
    let request = Request::builder()
        .uri(format!("/_matrix/client/v1/media/download/localhost:8008/{id}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", who.token));
    server.send(request.body(Body::empty()).unwrap()).await.status().as_u16()
}

#[tokio::test]
async fn quarantined_bytes_do_not_come_again() {
    let (server, root, alice) = server().await;
    let (bad, fine) = (upload(&server, &alice, "bad").await, upload(&server, &alice, "fine").await);
    let quarantine = format!("{ADMIN}/v1/media/quarantine/localhost:8008/{bad}");
    assert_eq!(server.post(&quarantine, Some(&root), json!({})).await, (200, json!({})));
    assert_eq!((download(&server, &alice, &bad).await, download(&server, &alice, &fine).await), (404, 200));
    // Under another name they are the same.
    let again = upload(&server, &root, "bad").await;
    assert_eq!(download(&server, &root, &again).await, 404);
    let about = server.get(&format!("{ADMIN}/v1/media/localhost:8008/{again}"), Some(&root)).await.1;
    assert_eq!(about["media_info"]["quarantined_by"], json!(root.id));

    let free = format!("{ADMIN}/v1/media/unquarantine/localhost:8008/{bad}");
    assert_eq!(server.post(&free, Some(&root), json!({})).await.0, 200);
    assert_eq!(download(&server, &alice, &bad).await, 200);
    let changes = server.get(&format!("{ADMIN}/v1/media/quarantine_changes"), Some(&root)).await.1;
    assert_eq!(changes["next_batch"], 2);
    assert_eq!(
        changes["changes"][1],
        json!({ "origin": "localhost:8008", "media_id": bad, "quarantined": false })
    );
    let none = server.get(&format!("{ADMIN}/v1/media/quarantine_changes?from=2"), Some(&root)).await.1;
    assert_eq!(none, json!({ "next_batch": 2, "changes": [] }));
    let unknown = format!("{ADMIN}/v1/media/quarantine/localhost:8008/none");
    assert_eq!(error(&server.post(&unknown, Some(&root), json!({})).await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn all_of_a_user_or_a_room_but_what_is_protected() {
    let (server, root, alice) = server().await;
    let (one, two, sticker) = (
        upload(&server, &alice, "one").await,
        upload(&server, &alice, "two").await,
        upload(&server, &alice, "sticker").await,
    );
    let protect = format!("{ADMIN}/v1/media/protect/{sticker}");
    assert_eq!(server.post(&protect, Some(&root), json!({})).await.0, 200);
    let room = server.create_room(&alice, json!({})).await;
    let say = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/1");
    for id in [&one, &sticker] {
        let content =
            json!({ "msgtype": "m.image", "body": "x", "url": format!("mxc://localhost:8008/{id}") });
        assert_eq!(server.put(&format!("{say}{id}"), Some(&alice), content).await.0, 200);
    }
    let mut shown = server.get(&format!("{ADMIN}/v1/room/{room}/media"), Some(&root)).await.1;
    let mut wanted = vec![format!("mxc://localhost:8008/{one}"), format!("mxc://localhost:8008/{sticker}")];
    wanted.sort();
    assert_eq!(shown["local"].take(), json!(wanted));
    let of_room = format!("{ADMIN}/v1/room/{room}/media/quarantine");
    assert_eq!(server.post(&of_room, Some(&root), json!({})).await.1, json!({ "num_quarantined": 1 }));
    assert_eq!(
        (download(&server, &alice, &one).await, download(&server, &alice, &sticker).await),
        (404, 200)
    );
    let of_user = format!("{ADMIN}/v1/user/{}/media/quarantine", alice.id);
    assert_eq!(server.post(&of_user, Some(&root), json!({})).await.1, json!({ "num_quarantined": 1 }));
    assert_eq!(download(&server, &alice, &two).await, 404);
    let unprotect = format!("{ADMIN}/v1/media/unprotect/{sticker}");
    assert_eq!(server.post(&unprotect, Some(&root), json!({})).await.0, 200);
    assert_eq!(server.post(&of_user, Some(&root), json!({})).await.1, json!({ "num_quarantined": 1 }));
}

#[tokio::test]
async fn media_are_listed_and_deleted_by_user_age_and_size() {
    let (server, root, alice) = server().await;
    let bob = server.register("bob").await;
    let old = upload(&server, &alice, "old").await;
    server.clock.advance(1000);
    let now = server.api.now_ms();
    let (new, large) = (upload(&server, &alice, "new").await, upload(&server, &bob, &"x".repeat(100)).await);
    let avatar = upload(&server, &bob, "face").await;
    let url = json!({ "avatar_url": format!("mxc://localhost:8008/{avatar}") });
    let profile = format!("/_matrix/client/v3/profile/{}/avatar_url", bob.id);
    assert_eq!(server.put(&profile, Some(&bob), url).await.0, 200);

    let list = format!("{ADMIN}/v1/users/{}/media", alice.id);
    let first = server.get(&format!("{list}?limit=1"), Some(&root)).await.1;
    assert_eq!((&first["media"][0]["media_id"], &first["total"]), (&json!(new), &json!(2)));
    let next = first["next_token"].as_u64().unwrap();
    let second = server.get(&format!("{list}?limit=1&from={next}"), Some(&root)).await.1;
    assert_eq!((&second["media"][0]["upload_name"], second.get("next_token")), (&json!("3.txt"), None));
    let largest = format!("{ADMIN}/v1/statistics/users/media?order_by=media_length&dir=b");
    let users = server.get(&largest, Some(&root)).await.1;
    assert_eq!(
        (&users["users"][0]["user_id"], &users["users"][0]["media_length"]),
        (&json!(bob.id), &json!(104))
    );

    let delete = format!("{ADMIN}/v1/media/delete");
    assert_eq!(error(&server.post(&delete, Some(&root), json!({})).await), (400, "M_MISSING_PARAM"));
    let future = format!("{delete}?before_ts={}", now + 10_000);
    assert_eq!(error(&server.post(&future, Some(&root), json!({})).await), (400, "M_INVALID_PARAM"));
    let deleted = server.post(&format!("{delete}?before_ts={now}"), Some(&root), json!({})).await.1;
    assert_eq!(deleted, json!({ "deleted_media": [old], "total": 1 }));
    server.clock.advance(1000);
    let later = server.api.now_ms();
    let deleted =
        server.post(&format!("{delete}?before_ts={later}&size_gt=50"), Some(&root), json!({})).await.1;
    assert_eq!(deleted["deleted_media"], json!([large]));
    // What a profile shows stays unless it is asked for.
    let deleted = server.post(&format!("{delete}?before_ts={later}"), Some(&root), json!({})).await.1;
    assert_eq!(deleted["deleted_media"], json!([new]));
    let all =
        server.post(&format!("{delete}?before_ts={later}&keep_profiles=false"), Some(&root), json!({})).await;
    assert_eq!(all.1["deleted_media"], json!([avatar]));

    let other = upload(&server, &alice, "other").await;
    assert_eq!(server.delete(&list, Some(&root), json!({})).await.1["deleted_media"], json!([other]));
    let other = upload(&server, &alice, "other").await;
    let one = format!("{ADMIN}/v1/media/localhost:8008/{other}");
    assert_eq!(
        server.delete(&one, Some(&root), json!({})).await.1,
        json!({ "deleted_media": [other], "total": 1 })
    );
    assert_eq!(error(&server.get(&one, Some(&root)).await), (404, "M_NOT_FOUND"));
    let cache = format!("{ADMIN}/v1/purge_media_cache?before_ts={later}");
    assert_eq!(server.post(&cache, Some(&root), json!({})).await.1, json!({ "deleted": 0 }));
}
