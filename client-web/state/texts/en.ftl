# What the client says, in English. Plain, short, to one person; a verb on a button.

## Sign-in

sign-in = Sign in
sign-in-to = to
register = Create account
register-title = Create an account
register-on = on
change-server = Change
server = Server
server-hint = The name of another server, such as example.org
name = Name
name-hint = Others find you by it. It cannot be changed later, the name that people see can.
password = Password
password-show = Show the password
password-hide = Hide the password
password-strength = Strength: { $strength } of 4
password-weak = Longer is safer: a few words will do.
password-good = Good. Long beats complicated.
token = Invitation code
token-hint = From the person who invited you
terms-read = I have read
new-here = New here?
new-here-link = Create an account
have-one = Have one already?
have-one-link = Sign in
language-name = English
error-password = Name or password is wrong. Capitals count in the password.
error-taken = { $name } is taken. Try another.
error-name = A name has small letters, digits and . _ = - / + only.
error-token = The server does not know this code. Ask the person who invited you for another.
error-closed = This server takes no new accounts. Another server may, or ask who runs it.
error-server = There is no Matrix server at { $server }, or it does not answer.
error-step = This server asks for a step that this client does not know: { $step }.
error-limit = That was too often. Wait a little, then try again.
error-offline = The server does not answer. Check the connection, then try again.
error-other = That did not work: { $error }
empty-name = Enter your name.
empty-password = Enter a password.

## Rooms

home = Home
chats = Chats
you = You
settings = Settings
spaces = Spaces
account = Your account
filter = Find a room or a person
filter-empty = Nothing is called that here.
new-message = New message or room
section-invitations = Invitations
section-favourites = Favourites
section-people = People
section-rooms = Rooms
section-low-priority = Low priority
invite = Invite
invited-by = { $name } invited you
unread-count = { $count } unread
mentioned-you = You are mentioned
not-sent = Not sent:
draft = Draft:
preview-me = You:
preview-picture = Photo
preview-video = Video
preview-sound = Sound
preview-sticker = Sticker
preview-poll = Poll: { $question }
preview-locked = Waits for its key
preview-deleted = Message deleted
preview-joined = joined
preview-other = Something new
loading = Loading your rooms
no-rooms = Nothing here yet
no-rooms-hint = Write to somebody, or make a room and invite people.
nothing-open = Choose a chat
nothing-open-hint = Or write to somebody new.
nudge-do = Do it now
nudge-later = Next week
offline = The server does not answer.
offline-hint = You can go on writing: messages are sent once it does.
retry = Try again

## A room

back = Back to the rooms
encrypted = Encrypted
public-room = Not encrypted
members = Members
thread = Thread
reply-in-thread = Reply in a thread
people = { $count ->
    [one] 1 person
   *[other] { $count } people
}
about-room = About this room
message-to = Message { $room }
message = Message
send = Send
attach = Attach a file
today = Today
yesterday = Yesterday
new-line = New
edited = edited
sending = Sending
failed = Not sent.
delete = Delete
deleted = { $name } deleted this message
deleted-by-me = You deleted this message
locked-waiting = Waits for its key. It shows by itself once it comes.
locked-before = This was sent before you came.
locked-recovery = This was sent before this session. Your recovery key opens it.
locked-withheld = The sender did not share the key with this session.
unknown-event = Something that this client does not show yet ({ $type })
react = React
reply = Reply
edit = Edit
more = More
copy-text = Copy the text
message-actions = Message actions
replying-to = Reply to { $name }
editing = Edit your message
cancel = Cancel
save = Save
read-by = Read by { $names }
reaction-by = { $key } { $count }: { $names }
typing-one = { $name } is typing
typing-two = { $name } and { $other } are typing
typing-more = { $name } and { $count } others are typing
jump-newest = Jump to the newest
open-picture = Open the picture
close = Close
download = Save { $name }
spoiler = Hidden text
spoiler-show = Show
replies = { $count ->
    [one] 1 reply
   *[other] { $count } replies
}
room-begins = This is where { $room } begins
room-begins-person = This is where your chat with { $room } begins
room-begins-hint = Only people in this room can read what is written here.
history-loading = Loading earlier messages
invitation-title = { $name } invited you to { $room }
invitation-hint = They see that you joined, and what you write from then on.
join = Join
decline = Decline
room-failed = This room did not open.
room-failed-hint = Your messages are safe. Try again.
changes = { $count ->
    [one] { $first }, and one more change
   *[other] { $first }, and { $count } more changes
}
change-joined = { $name } joined
change-left = { $name } left
change-invited = { $name } invited { $detail }
change-banned = { $name } banned { $detail }
change-unbanned = { $name } let { $detail } in again
change-kicked = { $name } removed { $detail }
change-declined = { $name } declined the invitation
change-revoked = { $name } took back the invitation of { $detail }
change-knocked = { $name } asks to join
change-name = { $name } is called { $detail } now
change-picture = { $name } changed their picture
change-room-name = { $name } named the room { $detail }
change-topic = { $name } changed the topic: { $detail }
change-room-picture = { $name } changed the room's picture
change-encryption = { $name } turned on encryption
change-created = { $name } made the room
change-pinned = { $name } changed the pinned messages
change-call = { $name } began a call
change-other = { $name } changed the room's settings

## Members

find-person = Find a person
role-admins = Run the room
role-everyone = Everyone
role-invited = Invited
tag-admin = Admin
tag-moderator = Moderator
invite-people = Invite people
invite-id = Their address
invite-id-hint = Such as @name:example.org
leave = Leave
leave-room = Leave the room

## New rooms

create-title = New chat
create-person = A person
create-room = A room
create-join = Join
person-address = Their address
person-address-hint = Such as @name:example.org
start = Start
room-name = Name of the room
room-name-hint = It can be changed later.
room-encrypted = Encrypted
room-encrypted-hint = Only people in the room can read it. This cannot be turned off later.
room-public = Public
room-public-hint = Anybody can find and join it.
create = Create
join-address = Address of the room
join-address-hint = Such as #room:example.org
error-address = That is no address. It looks like { $example }.

## Settings

settings-profile = Profile
settings-appearance = Appearance
settings-notifications = Notifications
notify = Show new messages
notify-hint = While Hearth is open in a tab that you do not look at.
notify-refused = Your browser does not let Hearth notify you. It says so beside the address, and there you can change it.
settings-sessions = Sessions
settings-encryption = Encryption and recovery
settings-security = Security
sign-out = Sign out
display-name = The name that people see
saved = Saved
your-address = Your address
theme = Theme
theme-system = Like the system
theme-light = Light
theme-dark = Dark
theme-contrast = High contrast
density = Density
density-comfortable = Comfortable
density-compact = Compact
sessions-this = This session
sessions-others = Other sessions
session-unnamed = Session without a name
session-seen = Last here { $when }
session-verified = Verified
session-unverified = Not verified
session-remove = Sign it out
session-remove-password = Your password, to sign out { $name }
verify = Verify
encryption-ready = Your messages are safe
encryption-ready-hint = This session is verified, and your messages can be read on new sessions with your recovery key.
encryption-unverified = Verify this session
encryption-unverified-hint = Then it can read your earlier messages, and others see that it is yours.
encryption-no-key = Save your recovery key
encryption-no-key-hint = With it you read your messages on any new session, even when all others are lost.
recovery-key = Recovery key
recovery-make = Make a recovery key
recovery-made = This is your recovery key
recovery-made-hint = Keep it where you keep passwords. It is shown only now.
recovery-copy = Copy
recovery-copied = Copied
recovery-kept = I have kept it
recovery-enter = Use the recovery key
recovery-wrong = That is not the recovery key of this account.
recovery-change = Make a new recovery key
verify-with-other = Verify with another session
verify-wait = Accept it on your other session.
verify-asked = { $name } wants to verify
verify-asked-self = One of your sessions wants to be verified
verify-accept = Go on
verify-compare = Do both show these, in this order?
verify-match = They are the same
verify-differ = They differ
verify-confirming = Waiting for the other side
verify-done = Verified
verify-done-hint = From now on you can be sure who you write with.
verify-cancelled = The verification was stopped
verify-cancelled-hint = Try again when both sides are there.
verify-person = Verify { $name }

## Several tabs, and what ends a session

elsewhere = Hearth is open in another tab
elsewhere-hint = One tab at a time keeps your messages in order. Close the other one, or go on here.
elsewhere-here = Use it here
signed-out = You were signed out
signed-out-hint = This session was ended by the server or on another device. Sign in again to go on; your recovery key opens your messages.
error-forbidden = That is not allowed here: { $why }
error-server-name = That is no name of a server. It looks like example.org.
error-no-picture = That is no picture.
error-alias = That cannot be an address. Use letters, digits and hyphens.
error-alias-taken = This address is taken.
error-poll = A poll has a question and at least two answers.
error-forward = This message cannot be forwarded.

## The list of rooms

jump = Search or jump to
jump-search = Search all messages for “{ $words }”
jump-choose = choose
jump-open = open
show = Which rooms
show-all = All
show-unread = Unread
show-mentions = For you
show-empty = Nothing of that kind. All is read.
marked-unread = Marked as unread
favourite = Add to favourites
favourite-no = Remove from favourites
low-priority = Low priority
low-priority-no = Normal priority
mark-read = Mark as read
mark-unread = Mark as unread
mute = Mute
unmute = Unmute
explore = Explore
explore-hint = Rooms that anybody may find. Look on this server, or name another one.
explore-find = Find a room
explore-kinds = What to look for
explore-all = Everything
explore-rooms = Rooms
explore-spaces = Spaces
explore-server = Server
explore-empty = Nothing is listed there that is called so.
more-rooms = More
space = Space
space-in = You are in
space-more = More rooms
space-spaces = Spaces inside
space-empty = Nothing is in this space yet.
create-space = A space
add = Add
add-rooms = Add rooms
add-rooms-none = All your rooms are in this space.
open = Open
asked = You asked
ask = Ask
look = Look

## A room that one is not in

outside-banned = You are banned from this room.
outside-asked = You asked to join. You see the room here once somebody lets you in.
outside-ask = Ask to join
outside-ask-hint = Somebody in the room says yes or no.
outside-closed = You may need an invitation for this room.
room-moved = This room goes on in another one. Nothing more can be written here.
room-moved-go = Go there
room-read-only = You can read here, but not write.
newest = Newest

## About a room

encrypted-hint = Only the people in this room can read it.
public-room-hint = The servers of those in this room can read it.
copy-room-link = Copy the link to this room
pinned = Pinned
pinned-all = All pinned messages
pinned-hide = Hide until something new is pinned
room-settings = Settings of the room
back-to-room = Back to the room
room-general = General
picture-change = Change the picture
topic = Topic
loudness-usual = Like all rooms
loudness-all = Everything
loudness-mentions = Only mentions
loudness-nothing = Nothing
access = Who can join
access-invited = Invited people only
access-invited-hint = Somebody in the room has to invite them.
access-asking = Anybody may ask
access-asking-hint = Somebody in the room says yes or no.
access-anybody = Anybody
access-anybody-hint = Whoever has the address comes in.
access-other = Who can join is set by a space.
history = Who can read what was before
history-members = Members, everything
history-invited = Members, from when they were invited
history-joined = Members, from when they joined
history-anybody = Anybody
history-hint = A change counts from now on. It does not hide or show what was sent before.
listed = Listed in Explore
listed-hint = Anybody on this server can find the name and the topic.
addresses = Addresses
addresses-hint = A short name that people can type or share.
new-address = New address
copy-address = Copy the address
careful = Careful
upgrade = Upgrade the room
upgrade-hint = This room has version { $version }. An upgrade makes a new room of version { $newest } and leads everybody there; what was said stays readable here.

## People

write = Message
rooms-in-common = Rooms in common
role-here = Role here
tag-member = Member
role-banned = Banned
ignore = Ignore everywhere
unignore = No longer ignore
only-you = Only you
kick = Remove from the room…
kick-title = Remove { $name }?
kick-hint = They can come back when they are invited or the room is open. They see the reason.
kick-do = Remove
ban = Ban…
ban-title = Ban { $name }?
ban-hint = They cannot come back until somebody lifts the ban. They see the reason.
ban-do = Ban
unban = Let in again
reason = Reason
invite-history = They will be able to read what was said before, as far as the room allows it.

## Messages

pin = Pin
unpin = Unpin
copy-link = Copy the link
forward = Forward
forward-to = Forward to
report = Report
report-title = Report this message?
report-hint = Those who run the server see it with your reason.
poll = Poll
poll-new = Ask the room
poll-question = Question
poll-answer = Answer { $number }
poll-add = Another answer
poll-ask = Ask
poll-end = End the poll
poll-ended = The poll has ended.
poll-votes = { $count ->
    [one] 1 vote
   *[other] { $count } votes
}
poll-over = { $count ->
    [one] Ended, 1 vote
   *[other] Ended, { $count } votes
}
voice-message = Voice message
voice-recording = Recording
voice-cancel = Throw the recording away
voice-refused = The browser gives no microphone. It says so beside the address, and there you can change it.
voice-speed = Speed
play = Play
pause = Pause
code = Code
link-preview = What the linked page says of itself
larger = Larger
smaller = Smaller
remove = Remove

## Writing

attach-file = Files
formatting = Formatting
bold = Bold
italic = Italic
struck = Strikethrough
link = Link
list = List
quote = Quote
complete = What you may mean
name-all = Everybody in this room
tray = Files to send
tray-files = { $count ->
    [one] 1 file
   *[other] { $count } files
}
tray-up = Move { $name } up
tray-remove = Remove { $name }
caption = Caption
caption-of = Caption of { $name }
file-too-large = { $name } is too large: 100 MB fit at most.
emoji = Emoji
emoji-kinds = Kinds
emoji-search = Search emoji
emoji-found = Found
emoji-recent = Recent
emoji-tone = Skin tone
emoji-faces = Faces
emoji-people = People
emoji-nature = Nature
emoji-food = Food
emoji-travel = Places
emoji-doing = Doing
emoji-things = Things
emoji-signs = Signs
emoji-flags = Flags

## Search

search-messages = Search messages
search-reach = The server searches rooms that are not encrypted. It cannot read the others.
search-count = { $count ->
    [one] 1 message
   *[other] { $count } messages
}
search-more = More
search-nothing = Nothing with “{ $words }”
search-nothing-hint = Try fewer words, or only the beginning of one.

## Notifications

notify-test = Show a test
notify-test-text = This is what it looks like.
push = Also while Hearth is closed
push-hint = Your server tells this browser itself. What was written is not in it.
push-failed = This browser has no push service that answers.
keywords = Words that count as a mention
keywords-hint = Your name always does.
keywords-new = Another word

## Keys

keys = Keys
key-jump = Search or jump
key-rooms = Room before, after
key-unread = Unread room before, after
key-search = Search messages
key-settings = Settings
key-parts = Next part of the page
key-close = Close what is on top
key-sheet = This list
key-edit = Edit your last message (in an empty composer)
key-line = New line
key-bold = Bold
key-italic = Italic
key-code = Code
key-complete = Complete a person, a room, an emoji
key-message = Reply, thread, edit, react (on a message)
key-delete = What one can do with a message (on it)
key-spoiler = Hide words until somebody clicks them

## Accounts

accounts = Accounts
accounts-hint = Each tab of this browser has one of them open.
account-add = Add an account
account-open = Go there
account-back = Back to { $name }
password-change = Change the password
password-change-hint = Your other sessions are signed out by it.
password-old = The password now
password-new = The new password
reset = I have neither
reset-title = Begin anew
reset-lost = Encrypted messages that only your old keys open stay closed, and people who verified you have to do it again.
reset-stays = Your account, your rooms and the people in them stay, and so does what you write from now on.
reset-do = Begin anew
reset-elsewhere = Your server does this on a page of its own, which this client does not know yet.
session-rename = Rename
session-name = What the session is called

## Finding one's way

threads = Threads
threads-none = No threads yet
threads-none-hint = “Reply in a thread” on a message begins one.
go-to-day = Go to a day
versions = What the message was
undisturbed = Do not disturb
undisturbed-hint = Nothing notifies you, on any of your devices, until you turn this off.
locked-ask = Ask again
locked-asked = Asked. It shows once somebody who has the key answers.
invitation-stranger = You share no room with them. Their pictures are not shown before you join.
shared = Files, pictures and links
shared-media = Pictures and video
shared-files = Files
shared-links = Links
shared-all = All
shared-media-none = No pictures yet
shared-files-none = No files yet
shared-links-none = No links yet
shared-none-encrypted = Only messages that this session can read are looked through.
previews = Link previews
previews-hint = What is linked to is shown below a message.
previews-hint-encrypted = Your server learns which links stand in this room.
sound = Sound
sound-hint = A soft one, when something comes while you look elsewhere.
sound-test = Listen to it
quiet-hours = Quiet hours
quiet-hours-hint = Every day between these times this browser shows and plays nothing.
quiet-hours-from = Quiet from
quiet-hours-to = Quiet until

## Calls

call-voice = Voice call
call-video = Video call
call-begin = Begin the call
call-voice-only = Voice only
call-joining = Joining
call-nobody = Nobody is there yet
call-alone = You are the only one here. The others see that the call goes on.
call-there = There now
call-there-count = { $count ->
    [one] 1 person is in a call
   *[other] { $count } people are in a call
}
call-coming = On the way
call-with = Call in { $name }
call-leave = Leave
call-mute = Mute
call-unmute = Unmute
call-muted = Muted
call-camera = Camera
call-camera-on = Turn the camera on
call-camera-off = Turn the camera off
call-microphone = Microphone
call-loudspeaker = Loudspeaker
call-heard = The microphone hears you
call-not-heard = The microphone hears nothing
call-share = Share the screen
call-share-end = Stop sharing
call-shares = { $name } shares the screen
call-shares-me = You share your screen
call-view-grid = Show all at the same size
call-view-speaker = Show large who speaks
call-pin = Keep large
call-unpin = No longer keep large
call-full = Full screen
call-chat = Chat
call-to-room = Back to the room, the call goes on
call-to-call = Back to the call
call-quality-good = Good connection
call-quality-fair = Fair connection
call-quality-poor = Poor connection
call-encrypted = Encrypted between everyone in the call.
call-open = This room is not encrypted, and so is the call.
call-rings = { $kind }
call-rings-in = { $kind } in { $room }
call-answer = Answer
call-write = Write
call-declined = { $name } cannot take the call now.
call-other = You are in a call already. Leave it first.
call-no-permission = The browser does not let Hearth use the microphone or the camera. Allow it beside the address, then try again.
call-no-device = No microphone or camera was found. Connect one, then try again.
call-device-busy = Another program uses the microphone or the camera. Close it, then try again.
call-no-route = The call cannot be reached from here. Try another network; a firewall may block it.
call-no-service = Your server carries no calls. Whoever runs it can turn them on.
call-not-built = This page was built without calls.
call-forbidden = You may not call in this room. Whoever moderates it can allow it.
call-hand = Raise the hand
call-hand-down = Take the hand down
call-hand-raised = Raised
call-react = React
key-call = Microphone, camera (in a call)
key-talk = Speak while it is held (in a call, muted)
