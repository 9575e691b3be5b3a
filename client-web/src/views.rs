//! What is shown. A view shows and asks; what follows is decided in `matrix` and `hearth-client-state`.

mod create;
mod door;
mod news;
mod room;
mod room_list;
mod settings;
mod shell;
mod verifying;

pub use self::{
    door::Door,
    news::tell_news,
    shell::{Failed, Opening, Shell},
};
