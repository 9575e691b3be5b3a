# The words of the admin page in English.

language-name = English
administration = Administration
admin = Admin
device-name = Hearth administration
loading = Loading
failed = This did not load
try-again = Try again
close = Close
cancel = Cancel
back = Back
open = Open
copy = Copy
copied = Copied.
delete = Delete
check = Check
now = now
never = never
none = none
when = When
who = Who
what = What
name = Name
kind = Kind
size = Size
share = Share
state = State
value = Value
version = Version
actions = Actions
actions-for = Actions for { $name }
id = ID
address = Address
reason = Reason
people = People
person = Person
guest = Guest
on = on
off = off
older = Older
newer = Newer
rows-of = { $from } to { $until } of { $total }
page-before = Page before
page-next = Next page
type-to-confirm = This cannot be taken back. To confirm, type
size-b = { $size } B
size-kb = { $size } KB
size-mb = { $size } MB
size-gb = { $size } GB
size-tb = { $size } TB
for-minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
for-hours = { $count } hours
for-days = { $count } days

# The door
sign-in = Sign in
sign-in-to = of
sign-in-other = Sign in as somebody else
sign-out = Sign out
password = Password
password-show = Show the password
password-hide = Hide the password
door-note = For administrators of this server. The session is of this tab alone; it ends when the tab is closed or left unused for 15 minutes.
no-administrator = Not for this account
no-administrator-text = { $user } is no administrator of { $server }. Who runs the server can make you one: hearth admin users promote.
to-chat = To the chat
signed-out = The session has ended. Sign in again.
signed-out-idle = You were signed out because nothing happened for 15 minutes.
error-password = Name or password is wrong. Capitals count in the password.
error-offline = The server does not answer. Check the connection, then try again.
error-limit = That was too often. Wait a little, then try again.
error-refused = The server says: { $why }
error-other = That did not work: { $error }

# The parts
all-parts = All of the administration
part-care = Care
part-server = Server
overview = Overview
users = Users
rooms = Rooms
federation = Federation
media = Media
reports = Reports
bans = Bans
tokens = Invitations
record = Record
bridges = Bridges and bots
settings = Configuration
reports-open =
    { $count ->
        [one] { $count } open report
       *[other] { $count } open reports
    }
users-waiting =
    { $count ->
        [one] { $count } account waits to be let in
       *[other] { $count } accounts wait to be let in
    }

# The overview
overview-text = { $server }, Hearth { $version }, up for { $up }
healthy = Healthy
warnings =
    { $count ->
        [one] { $count } warning
       *[other] { $count } warnings
    }
writing-fails = Nothing can be written.
writing-fails-text = Messages are refused until the disk takes them again. The log says why.
far-behind = A reader of the log is far behind.
far-behind-text = { $count } changes wait for it.
server-silent = { $server } does not answer since { $since }.
server-silent-text =
    { $others ->
        [0] It is tried again at { $at }.
        [one] It is tried again at { $at }. So is { $others } other server.
       *[other] It is tried again at { $at }. So are { $others } other servers.
    }
look-into = Look into it
span = Span
span-hour = Hour
span-day = Day
span-week = Week
span-month = Month
figure-administrators =
    { $count ->
        [one] { $count } administrator
       *[other] { $count } administrators
    }
figure-ended =
    { $count ->
        [one] { $count } account ended
       *[other] { $count } accounts ended
    }
figure-servers = Servers we talk to
figure-failing =
    { $count ->
        [0] all answer
       *[other] { $count } do not answer
    }
figure-media = Files uploaded
disk = Disk
disk-free = { $free } free of { $total }
plot-messages = Messages sent here
plot-send = From sending to accepted
plot-send-unit = 99 of 100, milliseconds
plot-requests = Requests
plot-online = People online
plot-online-unit = at once
plot-memory = Memory
plot-behind = Readers’ lag
plot-behind-unit = changes, the slowest
plot-spoken = { $what }: now { $last }, highest { $highest }
a-minute = a minute
not-measured = Nothing was measured yet. The first numbers come within a minute.
storage = Storage
storage-uploads = Pictures and files
storage-database = Messages and state
storage-copies = Copies from other servers
storage-search = Search
largest-rooms = Largest rooms
estimated = estimated
readers = Readers of the log
readers-unit = changes behind
no-readers = Nobody follows the log.

# Users
accounts =
    { $count ->
        [one] { $count } account
       *[other] { $count } accounts
    }
find-users = Name or address
everyone = Everyone
administrators = Admins
unapproved = Waiting
ended = Ended
nobody-found = Nobody found
nobody-found-text = Try a shorter name, or show everyone.
last-here = Last here
since = Since
state-active = Active
state-ended = Ended
state-unapproved = Waits to be let in
state-locked = Locked
state-suspended = Suspended
state-shadow-banned = Shadow-banned
new-user = New user
new-user-hint = Small letters, digits and . _ = - / + only.
new-user-admin = May administrate this server
new-user-done = { $name } has an account.
make-user = Make the account
new-password = New password
sessions = Sessions
no-sessions = Signed in nowhere.
session-ended = The session has ended.
files =
    { $count ->
        [one] { $shown } file
       *[other] { $shown } files
    }
membership-join = joined
membership-invite = invited
membership-leave = left
membership-ban = banned
membership-knock = knocked
choose = Choose { $name }
choose-all = Choose all
choose-none = Choose none
chosen = { $count } chosen
for-many = This is for { $count } accounts: { $names }.
done-with-many = Done with { $count } accounts.
for-rooms = This is for { $count } rooms: { $names }.
done-with-rooms = Done with { $count } rooms.
approve = Let in
approve-short = They can sign in.
approve-text = { $name } can sign in from now on.
approve-done = { $name } is let in.
notify = Send a notice
notify-short = They read it in a room of the server’s own.
notify-text = { $name } reads it in a room of the server’s own.
notify-done = { $name } has the notice.
notice = Notice
notice-hint = It takes the setting server_notices.
set-password = Set a password
set-password-short = Tell them the new one yourself.
set-password-text = { $name } signs in with the new password from now on.
set-password-sign-out = Sign out all their sessions
set-password-done = { $name } has a new password.
promote = Make admin
promote-short = They may do all that you can do here.
promote-text = { $name } may then do all that you can do here, also to you.
promote-done = { $name } is an administrator.
demote = Take admin rights
demote-short = They keep their account and their rooms.
demote-text = { $name } keeps the account and its rooms, and sees this page no more.
demote-done = { $name } is no administrator any more.
suspend = Suspend
suspend-short = They can read, and hardly write.
suspend-text = { $name } can read what is said and leave rooms, and write nothing until you end it.
suspend-done = { $name } is suspended.
end-suspension = End the suspension
end-suspension-short = They can write again.
end-suspension-text = { $name } can write again.
end-suspension-done = { $name } is not suspended any more.
lock = Lock
lock-short = They can do nothing but sign out.
lock-text = { $name } can do nothing but sign out until you unlock the account. Nothing is lost.
lock-done = { $name } is locked.
unlock = Unlock
unlock-short = They can go on where they were.
unlock-text = { $name } can go on where they were.
unlock-done = { $name } is unlocked.
shadow-ban = Shadow-ban
shadow-ban-short = Nobody gets what they send; they are not told.
shadow-ban-text = Nobody gets what { $name } sends any more, and they are not told. It is for spammers who would come again.
shadow-ban-done = { $name } is shadow-banned.
end-shadow-ban = End the shadow-ban
end-shadow-ban-short = Others get again what they send.
end-shadow-ban-text = Others get again what { $name } sends. What was sent meanwhile does not come.
end-shadow-ban-done = { $name } is not shadow-banned any more.
sign-out-everywhere = Sign out everywhere
sign-out-everywhere-short = All their sessions end at once.
sign-out-everywhere-text = All sessions of { $name } end at once. Keys that are only there are lost to them.
sign-out-everywhere-done = All sessions of { $name } have ended.
log-in-as = Log in as them
log-in-as-short = A token with which one acts in their name.
log-in-as-text = You get a token with which one acts as { $name }. It is written down in the record, and they see the session.
log-in-as-done = A session of { $name } was opened.
log-in-as-token = This is shown once. Whoever has it acts as this person until the session is ended.
redact-user = Remove what they said
redact-user-short = Their messages in all rooms, 1,000 a room.
redact-user-text = The last 1,000 messages of { $name } in each room are removed, here and on other servers.
redact-user-done = The messages of { $name } are being removed.
end-account = End the account
end-account-short = For good: it does not come back.
end-account-text = { $name } is signed out and taken out of all rooms, and nobody can have this name again.
end-account-erase = Newcomers to rooms see nothing of what they said
end-account-done = The account of { $name } has ended.

# Rooms
rooms-count =
    { $count ->
        [one] { $count } room
       *[other] { $count } rooms
    }
find-rooms = Name, address or ID
all-rooms = All
public-rooms = Public
private-rooms = Private
empty-rooms = Empty
no-room-found = No room found
no-room-found-text = Try a shorter name, or show all.
no-rooms = No rooms.
no-name = Without a name
room = Room
space = Space
public-room = Public
private-room = Private
encryption = Encryption
encrypted = Encrypted
not-encrypted = Not encrypted
people-here = From here
people-count =
    { $count ->
        [one] { $count } person
       *[other] { $count } people
    }
people-of-which = { $count }, { $here } of them of this server
creator = Made by
join-rule = Who may join
history = Who may read
join-rule-public = everybody
join-rule-invite = who is invited
join-rule-knock = who asks and is let in
join-rule-restricted = who is in certain other rooms
join-rule-knock_restricted = who is in certain other rooms, or asks and is let in
join-rule-private = nobody
history-invited = members, from their invitation on
history-joined = members, from when they joined on
history-shared = members, also what was before
history-world_readable = everybody
state-events = State events
members = Members
no-members = Nobody is in it.
and-more = and { $count } more
blocked = Blocked
block-room = Block
block-room-short = Nobody from here can enter it.
block-room-text = Nobody of { $server } can enter { $name } any more. Who is in it stays in it.
block-room-done = The room is blocked.
unblock-room = Unblock
unblock-room-short = People from here may enter again.
unblock-room-text = People of { $server } may enter { $name } again.
unblock-room-done = The room is not blocked any more.
make-room-admin = Become its admin
make-room-admin-short = You get the most power that somebody from here has.
make-room-admin-text = You get the power of whoever of { $server } has most in { $name }, and an invitation if you need one. Everybody there sees it.
make-room-admin-done = You have power in the room.
purge-room = Purge old messages
purge-room-short = From this server, to free its disk.
purge-room-text = Old messages of { $name } are removed from { $server }. Other servers keep theirs.
purge-room-done = The purge has begun.
purge-own-too = Also what people of this server sent, which may be nowhere else
keep-days = Keep what is newer than so many days
quarantine-room = Quarantine its media
quarantine-room-short = Nobody gets these files again.
quarantine-room-text = Nobody of { $server } gets a file of { $name } any more, also under another name.
quarantine-room-done = The media of the room are quarantined.
delete-room = Delete
delete-room-short = Everybody from here leaves, and all is purged.
delete-room-text = Everybody of { $server } is taken out of { $name }, and all of it is purged here. Other servers keep theirs.
delete-room-block = Nobody from here may enter it again
delete-room-done = The deletion has begun.
delete-room-gone = The room is deleted.
task-active = This is being done…
task-complete = Done.
task-failed = This did not work.

# Media
media-text = Who has how much of it
find-server = Server
files-head = Files
no-media = No media
no-media-text = Nobody has uploaded anything yet.
media-of = Media of { $name }
clear-copies = Free space
clear-copies-text = Copies of other servers’ media that are older than 7 days are deleted. They are fetched again when somebody wants them.
clear-copies-done = Old copies are deleted.
quarantine-all = Quarantine all
quarantine-all-text = Nobody gets any file that { $name } uploaded, also under another name.
quarantine-all-done = All their media are quarantined.
quarantined = Quarantined
quarantine = Quarantine
quarantine-done = { $name } is quarantined.
unquarantine = End the quarantine
unquarantine-done = { $name } can be had again.
delete-file = Delete
delete-file-text = { $name } is deleted from this server. Other servers may have copies.
delete-file-done = { $name } is deleted.

# Reports
no-reports = No reports
no-reports-text = When somebody reports a message, a room or a person, it is here.
choose-report = No report is open
choose-report-text = Choose one from the list.
report-message = { $sender } in { $room }
report-room = Room { $room }
report-user = Person { $sender }
report-by = { $who } reported this, { $at }
who-reported = Who reported it
reports-count = { $count } reports
reports-between = { $count } reports, between { $first } and { $last }
no-words = Without words
about-it = About it
event = Event
what-was-said = What was said
said-encrypted = The message is encrypted: nobody but the people in the room can read it.
close-reports =
    { $count ->
        [one] Put away
       *[other] Put all { $count } away
    }
reports-closed =
    { $count ->
        [one] The report is put away.
       *[other] { $count } reports are put away.
    }
decide-remove = Remove their messages
decide-remove-text = The last 1,000 messages of { $name } in this room are removed, here and on other servers.
decide-remove-done = The messages are being removed.
decide-warn = Warn
decide-warn-text = { $name } reads it in a room of the server’s own.
decide-warn-done = They have the notice.
decide-suspend = Suspend
decide-suspend-text = { $name } can read, and write nothing until you end it.
decide-suspend-done = They are suspended.
decide-end = End the account
decide-end-text = { $name } is signed out and taken out of all rooms, for good.
decide-end-done = The account has ended.

# Federation
federation-text =
    { $count ->
        [0] { $server } talks to no other server
        [one] { $server } talks to { $count } server
       *[other] { $server } talks to { $count } servers
    }
server = Server
last-failure = Last failure
pause = Pause
by-name = By name
failing-first = Failing first
peer-fails = Does not answer
peer-fine = Fine
check-server = Check { $server }
no-servers = No other servers
no-servers-text = Servers with which people here share rooms are here.
choose-server = Why does a server not answer?
choose-server-text = Choose one: it is asked at once, and you see what it says.
asking-server = Asking { $server }
asking-server-text = This takes up to 15 seconds.
server-answers = { $server } answers
server-answers-not = { $server } does not answer
trace-answer = It took our question and answered
trace-no-answer = No answer came
trace-failures =
    { $count ->
        [0] It did not fail lately
        [one] It failed once
       *[other] It failed { $count } times in a row
    }
trace-retry = It is tried again at { $at }.
trace-behind =
    { $count ->
        [0] Nothing waits for it
        [one] Messages of { $count } room wait for it
       *[other] Messages of { $count } rooms wait for it
    }
trace-shared = It shares { $count } rooms with this server.
ask-again = Ask again
reset-connection = Try now what waits
reset-done = { $server } is tried at once.

# Bridges
bridges-text = Programs that speak for people of other networks, and what waits for them
no-bridges = No bridges or bots
no-bridges-text = They are named in the setting appservices, by their registration files.
bridge-silent = asks for nothing
bridge-behind =
    { $count ->
        [0] up to date
        [one] { $shown } change waits
       *[other] { $shown } changes wait
    }
ping = Ping
ping-service = Ping { $name }
ping-asked = Asking…
ping-there =
    { $ms ->
        [0] It is there, and answered at once.
       *[other] It is there, and answered within { $ms } ms.
    }

# Bans
bans-text = Whom this server has nothing to do with: neither people, nor servers, nor addresses of rooms that look like this
find-bans = Name or reason
all-bans = All
ban-user = Person
ban-server = Server
ban-alias = Address of a room
bans-user = People
bans-server = Servers
bans-alias = Addresses
ban-glob = What it looks like
ban-user-hint = A name such as @spam:example.org, with * for any letters and ? for one: @spam*:*
ban-server-hint = A name such as example.org, with * for any letters and ? for one: *.example.org
ban-alias-hint = An address such as #free:example.org, with * for any letters and ? for one: #free-*:*
ban-user-text = Nobody of such a name can sign in or make an account here, invite anybody from here, or come into a room with them.
ban-server-text = Nothing is taken from such a server, and nothing is sent there.
ban-alias-text = Nobody can use or make such an address here.
ban-reason-hint = For other administrators; it may be left out.
new-ban = New ban
make-ban = Ban
new-ban-done = The ban is in force.
lift-ban = Lift
lift-this-ban = Lift the ban of { $glob }
lift-ban-text = { $glob } is not banned any more. What was refused meanwhile does not come.
lift-ban-done = The ban is lifted.
no-bans = No bans
no-bans-text = Those who trouble more than one room can be banned from the whole server.
no-ban-found = No such ban
no-ban-found-text = Try a shorter name, or show all.

# Invitations
tokens-text = Codes with which people make an account, where registration takes one
new-token = New code
new-token-done = The code is { $token }.
token = Code
uses = Used
uses-of = { $count } of { $allowed }
token-short = { $uses } used, ends { $ends }
expires = Ends
token-over = Used up
token-valid = Valid
token-uses = How often it may be used
token-uses-hint = Empty for as often as they like.
token-days = How many days it is valid
token-days-hint = Empty for ever.
no-tokens = No codes
no-tokens-text = Make one, and send it to who is to join.
delete-token = Delete the code
delete-token-text = Nobody can make an account with it any more. Accounts that were made with it stay.
delete-token-done = The code is deleted.
delete-this-token = Delete { $token }

# The record
record-text = What administrators did. Nobody can change it.
no-record = Nothing yet
no-record-text = What administrators change is written down here.
outcome = Outcome
outcome-done = Done
outcome-refused = Refused
outcome-unknown = Not known

# Configuration
settings-text = What is in force. It is changed in the file hearth.toml, and with a restart.
find-setting = Setting
all-settings = All
changed-settings = Changed
setting = Setting
changed = Changed
not-set = not set
secret-set = set, and not shown
no-setting = No such setting
no-setting-text = Try a shorter name, or show all.
