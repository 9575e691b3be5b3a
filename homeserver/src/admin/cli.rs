//! What `hearth admin` understands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What the administrator of the running server wants.
#[derive(Debug, Args)]
pub struct Admin {
    /// Print what the server answers as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The settings [default: ./hearth.toml if it exists]
    #[arg(long = "config", value_name = "FILE", global = true)]
    pub file: Option<PathBuf>,
    /// What it is about.
    #[command(subcommand)]
    pub what: What,
}

/// What it is about.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Accounts
    #[command(subcommand)]
    Users(Users),
    /// Rooms
    #[command(subcommand)]
    Rooms(Rooms),
    /// Tokens with which people may register
    #[command(subcommand)]
    Tokens(Tokens),
    /// Media
    #[command(subcommand)]
    Media(Media),
    /// Content that was reported
    #[command(subcommand)]
    Reports(Reports),
    /// Other servers
    #[command(subcommand)]
    Peers(Peers),
    /// Users, servers and aliases that this server has nothing to do with
    #[command(subcommand)]
    Bans(Bans),
    /// Bridges and bots, and how far behind each is
    Appservices,
    /// Who follows the log of changes, and how far behind each is
    Readers,
    /// What is done in the background: purges, deletions, redactions
    Tasks,
    /// What administrators did, the newest first
    Audit {
        /// How many entries
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

/// What can be done with accounts. A user is `alice` or `@alice:example.org`.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// List accounts
    List {
        /// Only those whose name or display name has this in it
        #[arg(long)]
        search: Option<String>,
        /// Only those that wait to be let in
        #[arg(long)]
        unapproved: bool,
    },
    /// All that is known of an account
    Show { user: String },
    /// The devices of a user
    Devices { user: String },
    /// The rooms of a user
    Rooms { user: String },
    /// The media of a user
    Media { user: String },
    /// Set a password, which is read from the first line of standard input
    Password { user: String },
    /// Make a user an administrator
    Promote(Switch),
    /// Let in somebody who registered
    Approve(Switch),
    /// Lock an account: its user can do nothing but log out
    Lock(Switch),
    /// Suspend an account: its user can read, and hardly write
    Suspend(Switch),
    /// Let nobody get what a user sends, without telling them
    ShadowBan(Switch),
    /// Redact what a user sent to all rooms
    Redact { user: String },
    /// End an account for good
    Deactivate {
        user: String,
        /// Let newcomers see nothing that the user said
        #[arg(long)]
        erase: bool,
    },
}

/// Something that is turned on, or off.
#[derive(Debug, Args)]
pub struct Switch {
    /// The user
    pub user: String,
    /// Take it back
    #[arg(long)]
    pub off: bool,
}

/// What can be done with rooms. A room is its id, `!…`.
#[derive(Debug, Subcommand)]
pub enum Rooms {
    /// List rooms
    List {
        /// Only those whose name, alias or id has this in it
        #[arg(long)]
        search: Option<String>,
    },
    /// All that is known of a room
    Show { room: String },
    /// Who is in a room
    Members { room: String },
    /// Let nobody of this server enter a room
    Block {
        room: String,
        /// Take it back
        #[arg(long)]
        off: bool,
    },
    /// Give a user all power that this server's users have in a room
    MakeAdmin { room: String, user: String },
    /// Purge what was sent long ago
    Purge {
        room: String,
        /// How many days stay
        #[arg(long)]
        keep_days: u32,
        /// Purge what users of this server sent as well
        #[arg(long)]
        own_too: bool,
    },
    /// Take all users of this server out of a room, and purge it
    Delete {
        room: String,
        /// Let nobody of this server enter it again
        #[arg(long)]
        block: bool,
    },
}

/// What can be done with registration tokens.
#[derive(Debug, Subcommand)]
pub enum Tokens {
    /// List them
    List,
    /// Make one
    Add {
        /// The token; without it one is made up
        token: Option<String>,
        /// How often it may be used
        #[arg(long)]
        uses: Option<u32>,
    },
    /// Delete one
    Delete { token: String },
}

/// What can be done with media. A piece of media is `mxc://…`.
#[derive(Debug, Subcommand)]
pub enum Media {
    /// What is known of a piece of media
    Show { uri: String },
    /// Let nobody get these bytes, under whatever name
    Quarantine {
        uri: String,
        /// Take it back
        #[arg(long)]
        off: bool,
    },
    /// Delete a piece of media
    Delete { uri: String },
    /// How much media each user has
    Usage,
}

/// What can be done with reports.
#[derive(Debug, Subcommand)]
pub enum Reports {
    /// List them, the newest first
    List,
    /// A report with what was reported
    Show { report: String },
    /// Put a report away
    Delete { report: String },
}

/// What can be done with other servers.
#[derive(Debug, Subcommand)]
pub enum Peers {
    /// List the servers with which rooms are shared
    List,
    /// Ask a server, and say why it does not answer
    Show { server: String },
    /// Try a server at once that failed
    Reset { server: String },
}

/// What can be done with bans for the whole server. Each names users (`@spam*:*`), servers (`*.example.org`) or aliases
/// (`#free-*:*`), where `*` is any run of characters and `?` any one.
#[derive(Debug, Subcommand)]
pub enum Bans {
    /// List them
    List,
    /// Ban what the glob names
    Add {
        /// What it names
        #[arg(value_parser = ["user", "server", "alias"])]
        kind: String,
        glob: String,
        /// Why, for other administrators
        #[arg(long)]
        reason: Option<String>,
    },
    /// Lift a ban
    Lift {
        /// What it names
        #[arg(value_parser = ["user", "server", "alias"])]
        kind: String,
        glob: String,
    },
}
