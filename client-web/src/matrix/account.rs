//! An account that is signed in: its client, its sync, and what belongs to the account as a whole.

use std::{rc::Rc, time::Duration};

use eyeball::SharedObservable;
use futures::Stream;
use hearth_client_state::rooms::Row;
use imbl::Vector;
use matrix_sdk::{
    Client, ThreadingSupport,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    executor::spawn,
    ruma::{
        OwnedRoomId, RoomOrAliasId, UserId,
        api::client::{
            room::{Visibility, create_room},
            uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
        },
        assign,
        events::{InitialStateEvent, room::encryption::RoomEncryptionEventContent},
    },
    sleep::sleep,
    store::RoomLoadSettings,
};

use matrix_sdk_ui::sync_service::{State, SyncService};

use super::{OpenRoom, Problem, Session, rows};
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

    /// The rooms that one is in or invited to, the most recent first; again whenever one changes.
    pub fn rooms(&self) -> impl Stream<Item = Vector<Row>> + use<> {
        rows::stream(self.sync.room_list_service(), self.client.clone())
    }

    /// Opens a room's timeline.
    pub async fn open_room(self: &Rc<Self>, id: &str) -> Result<Rc<OpenRoom>, Problem> {
        OpenRoom::open(self.clone(), id).await
    }

    pub async fn profile(&self) -> Result<Profile, Problem> {
        let account = self.client.account();
        let name = account.get_display_name().await?;
        let picture = account.get_avatar_url().await?;
        Ok(Profile { name, picture: picture.map(|url| url.to_string()) })
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
    ) -> Result<String, Problem> {
        let mut request = assign!(create_room::v3::Request::new(), {
            name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
            preset: Some(match is_public {
                true => create_room::v3::RoomPreset::PublicChat,
                false => create_room::v3::RoomPreset::PrivateChat,
            }),
            visibility: if is_public { Visibility::Public } else { Visibility::Private },
        });
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

    /// Joins a room by its id or alias.
    pub async fn join(&self, address: &str) -> Result<String, Problem> {
        let address = RoomOrAliasId::parse(address.trim()).map_err(|_| Problem::Known("error-address"))?;
        let via = address.server_name().map(ToOwned::to_owned).into_iter().collect::<Vec<_>>();
        let room = self.client.join_room_by_id_or_alias(&address, &via).await?;
        Ok(room.room_id().to_string())
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
        let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(self.session.user.to_string()));
        let auth = assign!(Password::new(user, password.to_owned()), { session: uiaa.session.clone() });
        match self.client.delete_devices(&devices, Some(AuthData::Password(auth))).await {
            Ok(_) => Ok(()),
            Err(error) if error.as_uiaa_response().is_some() => Err(Problem::Known("error-password")),
            Err(error) => Err(error.into()),
        }
    }

    /// Signs out here and at the server; what is stored here goes.
    pub async fn sign_out(&self) {
        self.sync.stop().await;
        // A server that does not answer is no reason to stay.
        let _ = self.client.matrix_auth().logout().await;
        Session::forget();
        browser::remove_databases(&self.session.database()).await;
    }
}

/// Comes back online by itself. The SDK would ask the server ten times a second whether it is there again, so it is
/// stopped meanwhile, and the server asked with growing pauses.
async fn keep_online(client: Client, sync: Rc<SyncService>, connection: SharedObservable<Connection>) {
    let mut states = sync.state();
    while let Some(state) = states.next().await {
        match state {
            State::Running => {
                connection.set_if_not_eq(Connection::Online);
                // A room whose sending failed on the way is switched off until somebody says otherwise.
                client.send_queue().set_enabled(true).await;
            }
            State::Offline | State::Error(_) | State::Terminated => {
                connection.set_if_not_eq(Connection::Offline);
                sync.stop().await;
                let mut pause = 1;
                while client.fetch_server_versions(None).await.is_err() {
                    browser::online_or(sleep(Duration::from_secs(pause))).await;
                    pause = (pause * 2).min(60);
                }
                sync.start().await;
            }
            State::Idle => {}
        }
    }
}
