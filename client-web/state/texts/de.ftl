# Was das Programm sagt, auf Deutsch. Klar, kurz, an einen Menschen; ein Verb auf dem Knopf.

## Anmelden

sign-in = Anmelden
sign-in-to = bei
register = Konto anlegen
register-title = Ein Konto anlegen
register-on = bei
change-server = Ändern
server = Server
server-hint = Der Name eines anderen Servers, etwa example.org
name = Name
name-hint = Unter ihm finden dich andere. Das lässt sich später nicht ändern, der sichtbare Name schon.
password = Passwort
password-show = Passwort zeigen
password-hide = Passwort verbergen
password-strength = Stärke: { $strength } von 4
password-weak = Länger ist sicherer: ein paar Wörter genügen.
password-good = Gut. Lang ist besser als kompliziert.
token = Einladungscode
token-hint = Von der Person, die dich eingeladen hat
terms-read = Ich habe gelesen:
new-here = Neu hier?
new-here-link = Konto anlegen
have-one = Schon ein Konto?
have-one-link = Anmelden
language-name = Deutsch
error-password = Name oder Passwort stimmt nicht. Beim Passwort zählt Groß und Klein.
error-taken = { $name } ist vergeben. Versuch einen anderen Namen.
error-name = Ein Name hat nur kleine Buchstaben, Ziffern und . _ = - / +
error-token = Der Server kennt diesen Code nicht. Bitte die Person, die dich eingeladen hat, um einen anderen.
error-closed = Dieser Server nimmt keine neuen Konten an. Vielleicht ein anderer, oder frag, wer ihn betreibt.
error-server = Unter { $server } gibt es keinen Matrix-Server, oder er antwortet nicht.
error-step = Dieser Server verlangt einen Schritt, den dieses Programm nicht kennt: { $step }.
error-limit = Das war zu oft. Warte ein wenig und versuch es wieder.
error-offline = Der Server antwortet nicht. Prüf die Verbindung und versuch es wieder.
error-other = Das ging nicht: { $error }
empty-name = Gib deinen Namen ein.
empty-password = Gib ein Passwort ein.

## Räume

home = Start
chats = Chats
you = Du
settings = Einstellungen
spaces = Spaces
account = Dein Konto
filter = Raum oder Person finden
filter-empty = So heißt hier nichts.
new-message = Neue Nachricht oder neuer Raum
section-invitations = Einladungen
section-favourites = Favoriten
section-people = Personen
section-rooms = Räume
section-low-priority = Nebensache
invite = Einladung
invited-by = { $name } hat dich eingeladen
unread-count = { $count } ungelesen
mentioned-you = Du bist erwähnt
not-sent = Nicht gesendet:
draft = Entwurf:
preview-me = Du:
preview-picture = Foto
preview-video = Video
preview-sound = Ton
preview-sticker = Sticker
preview-poll = Umfrage: { $question }
preview-locked = Wartet auf den Schlüssel
preview-deleted = Nachricht gelöscht
preview-joined = ist beigetreten
preview-other = Etwas Neues
loading = Deine Räume werden geladen
no-rooms = Hier ist noch nichts
no-rooms-hint = Schreib jemandem, oder leg einen Raum an und lade Leute ein.
nothing-open = Wähl einen Chat
nothing-open-hint = Oder schreib jemand Neuem.
nudge-do = Jetzt erledigen
nudge-later = Nächste Woche
offline = Der Server antwortet nicht.
offline-hint = Du kannst weiterschreiben: Gesendet wird, sobald er es tut.
retry = Noch einmal

## Ein Raum

back = Zurück zu den Räumen
encrypted = Verschlüsselt
public-room = Nicht verschlüsselt
members = Mitglieder
thread = Thread
reply-in-thread = Im Thread antworten
people = { $count ->
    [one] 1 Person
   *[other] { $count } Personen
}
about-room = Über diesen Raum
message-to = Nachricht an { $room }
message = Nachricht
send = Senden
attach = Datei anhängen
today = Heute
yesterday = Gestern
new-line = Neu
edited = bearbeitet
sending = Wird gesendet
failed = Nicht gesendet.
delete = Löschen
deleted = { $name } hat diese Nachricht gelöscht
deleted-by-me = Du hast diese Nachricht gelöscht
locked-waiting = Wartet auf den Schlüssel. Sie erscheint von selbst, sobald er kommt.
locked-before = Das wurde gesendet, bevor du dazukamst.
locked-recovery = Das wurde vor dieser Sitzung gesendet. Dein Wiederherstellungsschlüssel öffnet es.
locked-withheld = Wer das schrieb, hat den Schlüssel nicht mit dieser Sitzung geteilt.
unknown-event = Etwas, das dieses Programm noch nicht zeigt ({ $type })
react = Reagieren
reply = Antworten
edit = Bearbeiten
more = Mehr
copy-text = Text kopieren
message-actions = Mit der Nachricht tun
replying-to = Antwort an { $name }
editing = Deine Nachricht bearbeiten
cancel = Abbrechen
save = Speichern
read-by = Gelesen von { $names }
reaction-by = { $key }: { $names }
typing-one = { $name } schreibt
typing-two = { $name } und { $other } schreiben
typing-more = { $name } und { $count } andere schreiben
jump-newest = Zum Neuesten
open-picture = Bild öffnen
close = Schließen
download = { $name } speichern
spoiler = Verborgener Text
spoiler-show = Zeigen
replies = { $count ->
    [one] 1 Antwort
   *[other] { $count } Antworten
}
room-begins = Hier beginnt { $room }
room-begins-person = Hier beginnt dein Chat mit { $room }
room-begins-hint = Nur wer in diesem Raum ist, kann lesen, was hier geschrieben wird.
history-loading = Frühere Nachrichten werden geladen
invitation-title = { $name } hat dich in { $room } eingeladen
invitation-hint = Andere sehen, dass du beigetreten bist, und was du von da an schreibst.
join = Beitreten
decline = Ablehnen
room-failed = Dieser Raum ging nicht auf.
room-failed-hint = Deine Nachrichten sind sicher. Versuch es noch einmal.
changes = { $count ->
    [one] { $first }, und noch eine Änderung
   *[other] { $first }, und noch { $count } Änderungen
}
change-joined = { $name } ist beigetreten
change-left = { $name } ist gegangen
change-invited = { $name } hat { $detail } eingeladen
change-banned = { $name } hat { $detail } ausgesperrt
change-unbanned = { $name } lässt { $detail } wieder herein
change-kicked = { $name } hat { $detail } entfernt
change-declined = { $name } hat die Einladung abgelehnt
change-revoked = { $name } hat die Einladung von { $detail } zurückgenommen
change-knocked = { $name } möchte beitreten
change-name = { $name } heißt jetzt { $detail }
change-picture = { $name } hat ein neues Bild
change-room-name = { $name } hat den Raum { $detail } genannt
change-topic = { $name } hat das Thema geändert: { $detail }
change-room-picture = { $name } hat das Bild des Raums geändert
change-encryption = { $name } hat die Verschlüsselung eingeschaltet
change-created = { $name } hat den Raum angelegt
change-pinned = { $name } hat die angehefteten Nachrichten geändert
change-call = { $name } hat einen Anruf begonnen
change-other = { $name } hat Einstellungen des Raums geändert

## Mitglieder

find-person = Person finden
role-admins = Leiten den Raum
role-everyone = Alle
role-invited = Eingeladen
tag-admin = Leitung
tag-moderator = Moderation
invite-people = Leute einladen
invite-id = Ihre Adresse
invite-id-hint = Etwa @name:example.org
leave = Verlassen
leave-room = Raum verlassen

## Neue Räume

create-title = Neuer Chat
create-person = Person
create-room = Raum
create-join = Beitreten
person-address = Ihre Adresse
person-address-hint = Etwa @name:example.org
start = Beginnen
room-name = Name des Raums
room-name-hint = Er lässt sich später ändern.
room-encrypted = Verschlüsselt
room-encrypted-hint = Nur wer im Raum ist, kann mitlesen. Das lässt sich später nicht ausschalten.
room-public = Öffentlich
room-public-hint = Alle können ihn finden und beitreten.
create = Anlegen
join-address = Adresse des Raums
join-address-hint = Etwa #raum:example.org
error-address = Das ist keine Adresse. Eine sieht so aus: { $example }.

## Einstellungen

settings-profile = Profil
settings-appearance = Aussehen
settings-notifications = Benachrichtigungen
notify = Neue Nachrichten anzeigen
notify-hint = Solange Hearth in einem Tab offen ist, den du nicht ansiehst.
notify-refused = Dein Browser lässt keine Benachrichtigungen von Hearth zu. Neben der Adresse steht das, und dort kannst du es ändern.
settings-sessions = Sitzungen
settings-encryption = Verschlüsselung und Wiederherstellung
settings-security = Sicherheit
sign-out = Abmelden
display-name = Der Name, den andere sehen
saved = Gespeichert
your-address = Deine Adresse
theme = Farben
theme-system = Wie das System
theme-light = Hell
theme-dark = Dunkel
theme-contrast = Hoher Kontrast
density = Dichte
density-comfortable = Bequem
density-compact = Kompakt
sessions-this = Diese Sitzung
sessions-others = Andere Sitzungen
session-unnamed = Sitzung ohne Namen
session-seen = Zuletzt hier { $when }
session-verified = Bestätigt
session-unverified = Nicht bestätigt
session-remove = Abmelden
session-remove-password = Dein Passwort, um { $name } abzumelden
verify = Bestätigen
encryption-ready = Deine Nachrichten sind sicher
encryption-ready-hint = Diese Sitzung ist bestätigt, und mit dem Wiederherstellungsschlüssel liest du deine Nachrichten auf neuen Sitzungen.
encryption-unverified = Bestätige diese Sitzung
encryption-unverified-hint = Dann kann sie deine früheren Nachrichten lesen, und andere sehen, dass sie dir gehört.
encryption-no-key = Sichere deinen Wiederherstellungsschlüssel
encryption-no-key-hint = Mit ihm liest du deine Nachrichten auf jeder neuen Sitzung, auch wenn alle anderen verloren sind.
recovery-key = Wiederherstellungsschlüssel
recovery-make = Wiederherstellungsschlüssel anlegen
recovery-made = Das ist dein Wiederherstellungsschlüssel
recovery-made-hint = Bewahr ihn bei deinen Passwörtern auf. Er wird nur jetzt gezeigt.
recovery-copy = Kopieren
recovery-copied = Kopiert
recovery-kept = Ich habe ihn aufbewahrt
recovery-enter = Wiederherstellungsschlüssel verwenden
recovery-wrong = Das ist nicht der Wiederherstellungsschlüssel dieses Kontos.
recovery-change = Neuen Wiederherstellungsschlüssel anlegen
verify-with-other = Mit einer anderen Sitzung bestätigen
verify-wait = Nimm es auf deiner anderen Sitzung an.
verify-asked = { $name } möchte sich bestätigen
verify-asked-self = Eine deiner Sitzungen möchte bestätigt werden
verify-accept = Weiter
verify-compare = Zeigen beide diese, in dieser Reihenfolge?
verify-match = Sie sind gleich
verify-differ = Sie sind verschieden
verify-confirming = Warten auf die andere Seite
verify-done = Bestätigt
verify-done-hint = Von nun an kannst du sicher sein, wem du schreibst.
verify-cancelled = Die Bestätigung wurde abgebrochen
verify-cancelled-hint = Versuch es noch einmal, wenn beide Seiten da sind.
verify-person = { $name } bestätigen
