//! Mails about what was not read, with a mail server on loopback that takes whatever comes.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use common::Process;

type Mails = Arc<Mutex<Vec<String>>>;

/// As much of SMTP as there is to say when nothing is refused (RFC 5321).
async fn talk(stream: TcpStream, mails: Mails) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 here\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let answer = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250 here",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                mails.lock().unwrap().push(mail);
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 good",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

async fn mail_server() -> (String, Mails) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, mails) = (format!("smtp://{}", listener.local_addr().unwrap()), Mails::default());
    let taken = mails.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, taken.clone()));
        }
    });
    (url, mails)
}

/// A mail that has this in it, as plain text: lines of quoted-printable put together.
async fn comes(mails: &Mails, part: &str) -> String {
    let comes = async {
        loop {
            let found = mails
                .lock()
                .unwrap()
                .iter()
                .map(|mail| mail.replace("=\n", "").replace("=3D", "="))
                .find(|mail| mail.contains(part));
            if let Some(mail) = found {
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), comes).await.expect("no mail comes")
}

/// The path of a link in a mail.
fn link<'a>(mail: &'a str, path: &str) -> &'a str {
    let from = mail.find(path).unwrap();
    mail[from..].split(|letter: char| letter.is_whitespace() || "<>\"".contains(letter)).next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_confirmed_before_it_gets_what_is_unread_and_ends_it_with_a_click() {
    let (smtp, mails) = mail_server().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = vec![
        ("HEARTH_SMTP", smtp),
        ("HEARTH_MAIL_FROM", "Hearth <hearth@example.org>".to_owned()),
        ("HEARTH_MAIL_DELAY_MINUTES", "0".to_owned()),
        ("HEARTH_PUBLIC_URL", "https://hearth.example".to_owned()),
    ];
    let server = Process::start_with_settings(folder.path().join("data"), settings).await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let create = json!({ "preset": "public_chat", "name": "Tavern" });
    let made = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&bob), Some(create)).await;
    let room = made["room_id"].as_str().unwrap();
    server.ok(Method::POST, &format!("/_matrix/client/v3/join/{room}"), Some(&alice), Some(json!({}))).await;
    let say = async |number: u32| {
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}");
        let body = json!({ "msgtype": "m.text", "body": format!("news {number} for alice") });
        server.ok(Method::PUT, &path, Some(&bob), Some(body)).await;
    };
    let pusher = |address: &str| {
        json!({
            "kind": "email", "app_id": "m.email", "pushkey": address, "app_display_name": "Email",
            "device_display_name": address, "lang": "en", "data": {},
        })
    };
    let set = "/_matrix/client/v3/pushers/set";
    let wrong = server.call(Method::POST, set, Some(&alice), Some(pusher("nowhere"))).await;
    assert_eq!(wrong.0, 400, "{wrong:?}");
    let answer = server.call(Method::POST, set, Some(&alice), Some(pusher("alice@example.org"))).await;
    assert_eq!(answer.0, 201, "{answer:?}");
    let asked = comes(&mails, "/_hearth/mail/confirm").await;
    assert!(
        asked.contains("To: alice@example.org") && asked.contains("From: Hearth <hearth@example.org>"),
        "{asked}"
    );
    say(1).await;

    let confirm = server.url(link(&asked, "/_hearth/mail/confirm"));
    let page = server.http.get(&confirm).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    assert_eq!(mails.lock().unwrap().len(), 1, "nothing was sent to who has not said yes");
    assert_eq!(server.http.post(&confirm).send().await.unwrap().status().as_u16(), 200);
    assert_eq!(server.http.post(&confirm).send().await.unwrap().status().as_u16(), 404, "once");
    say(2).await;
    let digest = comes(&mails, "news 2 for alice").await;
    assert!(
        digest.contains("Tavern") && digest.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
        "{digest}"
    );

    let end = server.url(link(&digest, "/_hearth/mail/unsubscribe"));
    let forged = end.replace("signature=", "signature=x");
    assert_eq!(server.http.post(&forged).send().await.unwrap().status().as_u16(), 404);
    assert_eq!(server.http.get(&end).send().await.unwrap().status().as_u16(), 200);
    let listed = async || server.ok(Method::GET, "/_matrix/client/v3/pushers", Some(&alice), None).await;
    assert_eq!(listed().await["pushers"].as_array().unwrap().len(), 1, "a look at a link does nothing");
    let clicked = server.http.post(&end).body("List-Unsubscribe=One-Click").send().await.unwrap();
    assert_eq!(clicked.status().as_u16(), 200);
    assert_eq!(listed().await["pushers"], json!([]));
}
