//! What is shown. A view shows and asks; what follows is decided in `matrix` and `hearth-client-state`.

mod call;
mod create;
mod door;
mod elsewhere;
mod explore;
mod news;
mod person;
mod room;
mod room_list;
mod room_settings;
mod search;
mod settings;
mod shell;
mod shortcuts;
mod space;
mod switcher;
mod verifying;

pub use self::{
    call::provide_calls,
    door::Door,
    elsewhere::{Elsewhere, SignedOut},
    news::tell_news,
    shell::{Failed, Opening, Shell},
};
