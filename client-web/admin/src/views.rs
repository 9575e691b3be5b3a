//! What is shown, a file for each part of the page. A view shows and asks.

mod bans;
mod bridges;
mod door;
mod federation;
mod media;
mod overview;
mod plot;
mod record;
mod reports;
mod room;
mod rooms;
mod settings;
mod shell;
mod tokens;
mod user;
mod user_deeds;
mod users;

pub use self::{
    door::{Door, NoAdministrator, Opening},
    shell::Shell,
};
