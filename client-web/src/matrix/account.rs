//! An account that is signed in: its client, its sync, and what belongs to the account as a whole.

use std::rc::Rc;

use async_stream::stream;
use eyeball::SharedObservable;
use futures::Stream;
use hearth_client_state::{call::MEMBER, rooms::Row};
use imbl::Vector;
use matrix_sdk::{
    Client, SessionChange, ThreadingSupport,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    executor::spawn,
    ruma::{
        OwnedRoomId, UserId,
        api::client::{
            room::{
                Visibility,
                create_room::{self, RoomPowerLevelsContentOverride},
            },
            uiaa::{AuthData, MatrixUserIdentifier, Password, UiaaInfo, UserIdentifier},
        },
        assign,
        events::{InitialStateEvent, room::encryption::RoomEncryptionEventContent},
        room::RoomType,
        serde::Raw,
    },
    store::RoomLoadSettings,
};

use matrix_sdk_ui::sync_service::SyncService;
use serde_json::json;

use super::{Found, OpenRoom, Problem, Session, Standing, Upload, online::keep_online, rows};
use crate::browser;

/// An account in this tab.
pub struct Account {
    pub client: Client,
    pub session: Session,
    pub(super) sync: Rc<SyncService>,
    connection: SharedObservable<Connection>,
}

/// Whether the server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It was not reached yet.
    Starting,
    Online,
    Offline,
}

/// What an address of a room leads to.
#[derive(Clone)]
pub enum Opened {
    Room(Rc<OpenRoom>),
    /// One is not in it.
    Outside(Found),
}

/// Oneself, as others see it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Profile {
    pub name: Option<String>,
    pub picture: Option<String>,
}

/// A session of this account.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub id: String,
    pub name: Option<String>,
    /// Milliseconds since 1970.
    pub seen: Option<i64>,
    pub is_this: bool,
    pub is_verified: bool,
}

impl Account {
    /// Opens what is stored of a session, and begins to sync.
    pub async fn open(session: Session) -> Result<Rc<Self>, Problem> {
        let client = Client::builder()
            .homeserver_url(&session.server)
            .indexeddb_store(&session.database(), None)
            // Leases would be renewed in the database twenty times a second.
            .cross_process_store_config(CrossProcessLockConfig::SingleProcess)
            .with_threading_support(ThreadingSupport::Disabled)
            .with_enable_automatic_back_pagination(true)
            .with_encryption_settings(EncryptionSettings {
                auto_enable_cross_signing: true,
                backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
                auto_enable_backups: true,
            })
            .build()
            .await
            .map_err(|error| Problem::Other(error.to_string()))?;
        client.matrix_auth().restore_session(session.to_matrix(), RoomLoadSettings::default()).await?;
        client.event_cache().subscribe().map_err(|error| Problem::Other(error.to_string()))?;
        let sync = SyncService::builder(client.clone())
            .with_offline_mode()
            .build()
            .await
            .map_err(|error| Problem::Other(error.to_string()))?;
        let connection = SharedObservable::new(Connection::Starting);
        let account = Rc::new(Self { client, session, sync: Rc::new(sync), connection });
        account.client.send_queue().respawn_tasks_for_rooms_with_unsent_requests().await;
        account.sync.start().await;
        spawn(keep_online(account.client.clone(), account.sync.clone(), account.connection.clone()));
        Ok(account)
    }

    /// Whether the server is reached, from now on.
    pub fn connection(&self) -> impl Stream<Item = Connection> + use<> {
        self.connection.subscribe_reset()
    }

    /// The server says that there is no such session any more.
    pub fn signed_out(&self) -> impl Stream<Item = ()> + use<> {
        let mut changes = self.client.subscribe_to_session_changes();
        stream! {
            while let Ok(change) = changes.recv().await {
                if matches!(change, SessionChange::UnknownToken(_)) {
                    yield ();
                }
            }
        }
    }

    /// The rooms that one is in or invited to, the most recent first; again whenever one changes.
    pub fn rooms(&self) -> impl Stream<Item = Vector<Row>> + use<> {
        rows::stream(self.sync.room_list_service(), self.client.clone())
    }

    /// Opens a room's timeline, by its id or alias: at its end, or around an event.
    pub async fn open_room(self: &Rc<Self>, address: &str, event: Option<&str>) -> Result<Opened, Problem> {
        let is_here = |id: &str| {
            let room = self.room(id)?;
            [Standing::Inside, Standing::Invited].contains(&Some(room.state()).into()).then_some(room)
        };
        if let Some(room) = is_here(address) {
            return Ok(Opened::Room(OpenRoom::open(self.clone(), room, event).await?));
        }
        let found = self.look_at(address).await?;
        match is_here(&found.id) {
            Some(room) => Ok(Opened::Room(OpenRoom::open(self.clone(), room, event).await?)),
            None => Ok(Opened::Outside(found)),
        }
    }

    pub async fn profile(&self) -> Result<Profile, Problem> {
        let account = self.client.account();
        let name = account.get_display_name().await?;
        let picture = account.get_avatar_url().await?;
        Ok(Profile { name, picture: picture.map(|url| url.to_string()) })
    }

    pub async fn set_picture(&self, upload: Upload) -> Result<(), Problem> {
        let mime_type = upload.mime_type.parse().map_err(|_| Problem::Known("error-no-picture"))?;
        self.client.account().upload_avatar(&mime_type, upload.bytes).await?;
        Ok(())
    }

    pub async fn set_name(&self, name: &str) -> Result<(), Problem> {
        let name = Some(name.trim()).filter(|name| !name.is_empty());
        Ok(self.client.account().set_display_name(name).await?)
    }

    /// Makes a room and tells its id.
    pub async fn create_room(
        &self,
        name: &str,
        is_public: bool,
        is_encrypted: bool,
        is_space: bool,
    ) -> Result<String, Problem> {
        let mut request = assign!(create_room::v3::Request::new(), {
            name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
            preset: Some(match is_public {
                true => create_room::v3::RoomPreset::PublicChat,
                false => create_room::v3::RoomPreset::PrivateChat,
            }),
            visibility: if is_public { Visibility::Public } else { Visibility::Private },
            // Everybody may call: one says oneself that one is in a call.
            power_level_content_override: Some(levels()?),
        });
        if is_space {
            let content =
                assign!(create_room::v3::CreationContent::new(), { room_type: Some(RoomType::Space) });
            let content = Raw::new(&content).map_err(|error| Problem::Other(error.to_string()))?;
            request.creation_content = Some(content);
        }
        if is_encrypted {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            request.initial_state.push(InitialStateEvent::with_empty_state_key(content).to_raw_any());
        }
        Ok(self.client.create_room(request).await?.room_id().to_string())
    }

    /// The room in which one writes with a person alone; made where there is none yet.
    pub async fn room_with(&self, user: &str) -> Result<String, Problem> {
        let user = UserId::parse(user.trim()).map_err(|_| Problem::Known("error-address"))?;
        if let Some(room) = self.client.get_dm_room(&user) {
            return Ok(room.room_id().to_string());
        }
        Ok(self.client.create_dm(&user).await?.room_id().to_string())
    }

    /// Leaves a room, or declines an invitation.
    pub async fn leave(&self, id: &str) -> Result<(), Problem> {
        match self.room(id) {
            Some(room) => Ok(room.leave().await?),
            None => Ok(()),
        }
    }

    pub(super) fn room(&self, id: &str) -> Option<matrix_sdk::Room> {
        let id: OwnedRoomId = id.try_into().ok()?;
        self.client.get_room(&id)
    }

    /// The sessions of this account, this one first, then the latest.
    pub async fn devices(&self) -> Result<Vec<Device>, Problem> {
        let known = match self.client.encryption().get_user_devices(&self.session.user).await {
            Ok(devices) => devices.devices().collect(),
            Err(_) => Vec::new(),
        };
        let verified: Vec<_> = known
            .iter()
            .filter(|device| device.is_verified_with_cross_signing())
            .map(|device| device.device_id().to_owned())
            .collect();
        let devices = self.client.devices().await?.devices.into_iter();
        let mut devices: Vec<Device> = devices
            .map(|device| Device {
                is_this: device.device_id == self.session.device,
                is_verified: verified.contains(&device.device_id),
                id: device.device_id.to_string(),
                name: device.display_name,
                seen: device.last_seen_ts.map(|seen| i64::from(seen.get())),
            })
            .collect();
        devices.sort_by_key(|device| (!device.is_this, -device.seen.unwrap_or(0)));
        Ok(devices)
    }

    /// Signs another session out.
    pub async fn remove_device(&self, id: &str, password: &str) -> Result<(), Problem> {
        let devices = [id.into()];
        let Err(error) = self.client.delete_devices(&devices, None).await else { return Ok(()) };
        let Some(uiaa) = error.as_uiaa_response() else { return Err(error.into()) };
        match self.client.delete_devices(&devices, Some(self.proof(uiaa, password))).await {
            Ok(_) => Ok(()),
            Err(error) if error.as_uiaa_response().is_some() => Err(Problem::Known("error-password")),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn rename_device(&self, id: &str, name: &str) -> Result<(), Problem> {
        self.client.rename_device(id.into(), name.trim()).await?;
        Ok(())
    }

    /// Changes the password; the server signs all other sessions out.
    pub async fn change_password(&self, old: &str, new: &str) -> Result<(), Problem> {
        let account = self.client.account();
        let Err(error) = account.change_password(new, None).await else { return Ok(()) };
        let Some(uiaa) = error.as_uiaa_response() else { return Err(error.into()) };
        match account.change_password(new, Some(self.proof(uiaa, old))).await {
            Ok(_) => Ok(()),
            Err(error) if error.as_uiaa_response().is_some() => Err(Problem::Known("error-password")),
            Err(error) => Err(error.into()),
        }
    }

    /// The password, for a request that the server answered so ("User-Interactive Authentication API").
    pub(super) fn proof(&self, uiaa: &UiaaInfo, password: &str) -> AuthData {
        let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(self.session.user.to_string()));
        let proof = assign!(Password::new(user, password.to_owned()), { session: uiaa.session.clone() });
        AuthData::Password(proof)
    }

    /// Signs out here and at the server; what is stored here goes.
    pub async fn sign_out(&self) {
        self.sync.stop().await;
        // A server that does not answer is no reason to stay.
        let _ = self.client.matrix_auth().logout().await;
        self.forget().await;
    }

    /// What is stored here of the session goes.
    pub async fn forget(&self) {
        self.sync.stop().await;
        self.session.forget();
        browser::remove_databases(&self.session.database()).await;
    }
}

/// Who may do what in a room that one makes: as servers have it, and everybody may say that they are in a call. What is
/// given replaces all that a server has of it.
fn levels() -> Result<Raw<RoomPowerLevelsContentOverride>, Problem> {
    let levels = json!({ "events": {
        MEMBER: 0,
        "m.room.avatar": 50,
        "m.room.canonical_alias": 50,
        "m.room.encryption": 100,
        "m.room.history_visibility": 100,
        "m.room.name": 50,
        "m.room.power_levels": 100,
        "m.room.server_acl": 100,
        "m.room.tombstone": 100,
    }});
    Ok(Raw::new(&levels).map_err(|error| Problem::Other(error.to_string()))?.cast_unchecked())
}
