//! What is offered for a word that is being typed: people, rooms, everybody, emoji.

use dioxus::prelude::*;
use hearth_client_state::{
    compose::{self, Completion, Kind},
    emoji::find,
    rooms::{self, Row, jump_targets},
    timeline::Person,
};

use super::super::{InRoom, emoji};
use crate::{
    app::Shared,
    design::{Avatar, Icon},
    words::t,
};

/// Nobody chooses among more.
const MOST: usize = 6;

/// Something that may be meant.
#[derive(Clone, PartialEq)]
pub enum Offered {
    Person(Person),
    /// Everybody in the room.
    All,
    Room(Row),
    Emoji {
        picture: String,
        name: String,
    },
}

impl Offered {
    /// What stands in the text for it.
    pub fn text(&self) -> String {
        match self {
            Self::Person(person) => compose::mention(&person.name, &person.id),
            Self::All => "@room".to_owned(),
            Self::Room(row) => compose::mention(&row.name, &row.id),
            Self::Emoji { picture, .. } => picture.clone(),
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Person(person) => &person.id,
            Self::All => "@room",
            Self::Room(row) => &row.id,
            Self::Emoji { picture, .. } => picture,
        }
    }
}

/// What may be meant by what is being typed.
#[derive(Clone, Default, PartialEq)]
pub struct Offer {
    pub completion: Option<Completion>,
    pub choices: Vec<Offered>,
    pub chosen: usize,
}

/// Looks for what may be meant.
pub async fn found(shared: Shared, in_room: InRoom, begun: Completion) -> Offer {
    let choices = match begun.kind {
        Kind::Person => {
            let people = in_room.room().people_called(&begun.begun, MOST).await;
            let all = in_room.about.peek().may.name_all && "room".starts_with(&begun.begun.to_lowercase());
            let all = all.then_some(Offered::All);
            people.into_iter().map(Offered::Person).chain(all).collect()
        }
        Kind::Room if begun.begun.is_empty() => Vec::new(),
        Kind::Room => {
            let rows: Vec<Row> = shared.rows.peek().iter().flatten().cloned().collect();
            let rows: Vec<Row> = rows.into_iter().filter(|row| row.kind == rooms::Kind::Room).collect();
            jump_targets(&rows, &begun.begun, MOST).into_iter().map(Offered::Room).collect()
        }
        Kind::Emoji => {
            let all = emoji::all().await;
            let found = find(&all, &begun.begun, MOST).into_iter();
            found
                .map(|emoji| Offered::Emoji { picture: emoji.picture.clone(), name: emoji.name.clone() })
                .collect()
        }
    };
    Offer { completion: Some(begun), choices, chosen: 0 }
}

#[component]
pub fn Choices(offer: Signal<Offer>, onchoose: EventHandler<Offered>) -> Element {
    let in_room = use_context::<InRoom>();
    let Offer { choices, chosen, .. } = offer.read().clone();
    if choices.is_empty() {
        return rsx! {};
    }
    rsx! {
        div { class: "menu complete", role: "listbox", aria_label: t("complete"), id: in_room.id("complete"),
            for (number, choice) in choices.into_iter().enumerate() {
                button {
                    key: "{choice.key()}",
                    class: "menu__item",
                    class: if number == chosen { "is-hover" },
                    r#type: "button",
                    role: "option",
                    aria_selected: (number == chosen).to_string(),
                    onclick: { let choice = choice.clone(); move |_| onchoose.call(choice.clone()) },
                    Choice { choice: choice.clone() }
                }
            }
        }
    }
}

#[component]
fn Choice(choice: Offered) -> Element {
    match choice {
        Offered::Person(person) => rsx! {
            Avatar { id: person.id.clone(), name: person.name.clone(), picture: person.picture.clone() }
            bdi { "{person.name}" }
            small { class: "end", dir: "ltr", "{person.id}" }
        },
        Offered::All => rsx! {
            Icon { name: "users" }
            span { {t("name-all")} }
            small { class: "end", "@room" }
        },
        Offered::Room(row) => rsx! {
            Avatar { id: row.id.clone(), name: row.name.clone(), picture: row.picture.clone(), is_room: true }
            bdi { "{row.name}" }
        },
        Offered::Emoji { picture, name } => rsx! {
            span { class: "complete__emoji", aria_hidden: "true", "{picture}" }
            span { "{name}" }
        },
    }
}
