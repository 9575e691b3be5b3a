//! What is shown of a call: a tile for each member and each screen, and how they are arranged.

use serde::Deserialize;

use super::Member;

/// What of media is there just now, as `assets/call.js` tells it.
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
pub struct Media {
    pub connections: Vec<Connection>,
    /// Whether one sends, or is about to, from the microphone.
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
}

/// The connection to an SFU.
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    pub service: String,
    pub is_connected: bool,
    pub people: Vec<Heard>,
}

/// Who is at an SFU, and what they send there.
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
pub struct Heard {
    pub identity: String,
    pub speaks: bool,
    /// `excellent`, `good`, `poor`, `lost` or `unknown`.
    pub quality: String,
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
}

/// A place on the screen.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Tile {
    pub identity: String,
    pub user: String,
    pub service: String,
    pub is_me: bool,
    pub is_screen: bool,
    /// Whether their media has a way here; until then they are on their way in.
    pub is_there: bool,
    pub has_picture: bool,
    pub is_muted: bool,
    pub speaks: bool,
    /// Bars of the connection, 1 to 3; none while nobody knows.
    pub quality: Option<u8>,
}

impl Tile {
    /// What it is told from the others by.
    pub fn key(&self) -> String {
        format!("{}{}", self.identity, if self.is_screen { " screen" } else { "" })
    }
}

/// How a call is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum View {
    #[default]
    Grid,
    /// Who speaks is large.
    Speaker,
}

/// How the tiles stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Nobody else is there.
    Alone(Tile),
    /// One other, and oneself small.
    Two {
        other: Tile,
        me: Tile,
    },
    Grid(Vec<Tile>),
    /// One large, the others beside it.
    Large {
        large: Tile,
        strip: Vec<Tile>,
    },
}

/// A tile for each member, oneself last, and one for each screen.
pub fn tiles(members: &[Member], media: &Media, me: &str) -> Vec<Tile> {
    let mut cameras = Vec::new();
    let mut screens = Vec::new();
    for member in members {
        let identity = member.identity();
        let connection = media.connections.iter().find(|connection| connection.service == member.service);
        let heard =
            connection.and_then(|connection| connection.people.iter().find(|who| who.identity == identity));
        let is_there = heard.is_some() && connection.is_some_and(|connection| connection.is_connected);
        let heard = heard.cloned().unwrap_or_default();
        let tile = Tile {
            user: member.user.clone(),
            service: member.service.clone(),
            is_me: identity == me,
            is_screen: false,
            is_there,
            has_picture: heard.camera,
            is_muted: is_there && !heard.microphone,
            speaks: heard.speaks,
            quality: bars(&heard.quality),
            identity,
        };
        if heard.screen {
            screens.push(Tile { is_screen: true, has_picture: true, is_muted: false, ..tile.clone() });
        }
        cameras.push(tile);
    }
    cameras.sort_by_key(|tile| tile.is_me);
    screens.extend(cameras);
    screens
}

fn bars(quality: &str) -> Option<u8> {
    match quality {
        "excellent" => Some(3),
        "good" => Some(2),
        "poor" | "lost" => Some(1),
        _ => None,
    }
}

/// Who is large in the view of whoever speaks: the one who speaks now, else the one who spoke before.
pub fn speaker(tiles: &[Tile], before: Option<&str>) -> Option<String> {
    let others = || tiles.iter().filter(|tile| !tile.is_me && !tile.is_screen);
    let still = others().find(|tile| Some(tile.identity.as_str()) == before);
    let speaks = still.filter(|tile| tile.speaks).or_else(|| others().find(|tile| tile.speaks));
    speaks.or(still).or_else(|| others().next()).map(|tile| tile.identity.clone())
}

/// Arranges the tiles. What is pinned is large, by its key; then a screen; then who speaks, where one wants that.
pub fn stage(tiles: &[Tile], view: View, pinned: Option<&str>, speaker: Option<&str>) -> Option<Stage> {
    let screen = tiles.iter().find(|tile| tile.is_screen && !tile.is_me);
    let large = tiles.iter().find(|tile| Some(tile.key().as_str()) == pinned).or(screen).or_else(|| {
        let is_speaker = |tile: &&Tile| Some(tile.identity.as_str()) == speaker && !tile.is_screen;
        tiles.iter().find(is_speaker).filter(|_| view == View::Speaker && tiles.len() > 2)
    });
    if let Some(large) = large.filter(|_| tiles.len() > 1) {
        let strip = tiles.iter().filter(|tile| tile.key() != large.key()).cloned().collect();
        return Some(Stage::Large { large: large.clone(), strip });
    }
    match tiles {
        [] => None,
        [one] => Some(Stage::Alone(one.clone())),
        [other, me] if me.is_me && !other.is_screen => {
            Some(Stage::Two { other: other.clone(), me: me.clone() })
        }
        tiles => Some(Stage::Grid(tiles.to_vec())),
    }
}

/// How many columns and rows so many tiles have.
pub fn columns(count: usize, is_narrow: bool) -> (usize, usize) {
    let columns = match (count, is_narrow) {
        (0..=1, _) => 1,
        (2, true) => 1,
        (2..=4, false) | (2..=8, true) => 2,
        (_, true) => 3,
        (5..=9, false) => 3,
        (10..=16, false) => 4,
        (_, false) => 5,
    };
    (columns, count.div_ceil(columns).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Intent;

    fn member(user: &str, service: &str) -> Member {
        let (user, device, service) = (user.to_owned(), "D".to_owned(), service.to_owned());
        Member { event: String::new(), user, device, service, since: 0, intent: Intent::Video }
    }

    fn heard(user: &str, change: impl FnOnce(&mut Heard)) -> Heard {
        let mut heard =
            Heard { identity: format!("{user}:D"), microphone: true, camera: true, ..Heard::default() };
        change(&mut heard);
        heard
    }

    fn of(people: Vec<Heard>) -> Media {
        let connection = Connection { service: "one".to_owned(), is_connected: true, people };
        Media { connections: vec![connection], ..Media::default() }
    }

    fn names(tiles: &[Tile]) -> Vec<&str> {
        tiles.iter().map(|tile| tile.user.as_str()).collect()
    }

    #[test]
    fn members_are_shown_as_far_as_their_media_came() {
        let members = [member("me", "one"), member("a", "one"), member("b", "two")];
        let media =
            of(vec![heard("me", |_| ()), heard("a", |who| who.microphone = false), heard("b", |_| ())]);
        let tiles = tiles(&members, &media, "me:D");
        assert_eq!(names(&tiles), ["a", "b", "me"]);
        assert!(tiles[0].is_there && tiles[0].is_muted && tiles[0].has_picture);
        assert!(
            !tiles[1].is_there && !tiles[1].has_picture,
            "b sends to another SFU: this one only hears them"
        );
        assert!(tiles[2].is_me);
    }

    #[test]
    fn who_is_no_member_is_not_shown() {
        assert!(tiles(&[], &of(vec![heard("a", |_| ())]), "me:D").is_empty());
    }

    #[test]
    fn a_screen_is_large_and_what_is_pinned_before_it() {
        let members = [member("me", "one"), member("a", "one"), member("b", "one")];
        let media = of(vec![heard("me", |_| ()), heard("a", |who| who.screen = true), heard("b", |_| ())]);
        let tiles = tiles(&members, &media, "me:D");
        let Some(Stage::Large { large, strip }) = stage(&tiles, View::Grid, None, None) else { panic!() };
        assert!(large.is_screen && large.user == "a");
        assert_eq!(names(&strip), ["a", "b", "me"]);
        let Some(Stage::Large { large, .. }) = stage(&tiles, View::Grid, Some("b:D"), None) else { panic!() };
        assert_eq!((large.user.as_str(), large.is_screen), ("b", false));
    }

    #[test]
    fn the_arrangement_follows_how_many_are_there() {
        let members = [member("me", "one"), member("a", "one"), member("b", "one")];
        let media = of(members.iter().map(|member| heard(&member.user, |_| ())).collect());
        let of_first = |count: usize| tiles(&members[..count], &media, "me:D");
        assert_eq!(stage(&[], View::Grid, None, None), None);
        assert!(matches!(stage(&of_first(1), View::Speaker, None, None), Some(Stage::Alone(_))));
        let Some(Stage::Two { other, me }) = stage(&of_first(2), View::Speaker, None, Some("a:D")) else {
            panic!()
        };
        assert!(other.user == "a" && me.is_me);
        assert!(matches!(stage(&of_first(3), View::Grid, None, Some("a:D")), Some(Stage::Grid(_))));
        assert!(matches!(stage(&of_first(3), View::Speaker, None, Some("a:D")), Some(Stage::Large { .. })));
    }

    #[test]
    fn who_speaks_stays_large_until_another_does() {
        let members = [member("me", "one"), member("a", "one"), member("b", "one")];
        let speaking = |who: &'static str| {
            let people =
                members.iter().map(|member| heard(&member.user, |heard| heard.speaks = member.user == who));
            tiles(&members, &of(people.collect()), "me:D")
        };
        assert_eq!(speaker(&speaking("b"), Some("a:D")).as_deref(), Some("b:D"));
        assert_eq!(speaker(&speaking("nobody"), Some("b:D")).as_deref(), Some("b:D"));
        assert_eq!(speaker(&speaking("me"), Some("b:D")).as_deref(), Some("b:D"));
        assert_eq!(speaker(&speaking("nobody"), None).as_deref(), Some("a:D"));
    }

    #[test]
    fn tiles_fill_what_room_there_is() {
        let desktop: Vec<_> =
            [1, 2, 4, 6, 9, 12, 20].into_iter().map(|count| columns(count, false)).collect();
        assert_eq!(desktop, [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 3), (5, 4)]);
        let phone: Vec<_> = [1, 2, 6, 20].into_iter().map(|count| columns(count, true)).collect();
        assert_eq!(phone, [(1, 1), (1, 2), (2, 3), (3, 7)]);
    }

    #[test]
    fn what_the_page_tells_is_read() {
        let told = r#"{"connections":[{"service":"s","isConnected":true,"people":[{"identity":"i","speaks":false,
            "quality":"good","microphone":true,"camera":false,"screen":false}]}],"microphone":true,"camera":false,"screen":false}"#;
        let media: Media = serde_json::from_str(told).unwrap();
        assert_eq!(bars(&media.connections[0].people[0].quality), Some(2));
    }
}
