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
reaction-by = { $key } { $count }: { $names }
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

## Mehrere Tabs, und was eine Sitzung beendet

elsewhere = Hearth ist in einem anderen Tab offen
elsewhere-hint = Ein Tab zur Zeit hält deine Nachrichten in Ordnung. Schließe den anderen, oder mach hier weiter.
elsewhere-here = Hier weitermachen
signed-out = Du wurdest abgemeldet
signed-out-hint = Diese Sitzung hat der Server oder ein anderes Gerät beendet. Melde dich neu an; dein Wiederherstellungsschlüssel öffnet deine Nachrichten.
error-forbidden = Das ist hier nicht erlaubt: { $why }
error-server-name = Das ist kein Name eines Servers. Er sieht aus wie example.org.
error-no-picture = Das ist kein Bild.
error-alias = Das kann keine Adresse sein. Nimm Buchstaben, Ziffern und Bindestriche.
error-alias-taken = Diese Adresse ist vergeben.
error-poll = Eine Umfrage hat eine Frage und mindestens zwei Antworten.
error-forward = Diese Nachricht lässt sich nicht weiterleiten.

## Die Liste der Räume

jump = Suchen oder springen
jump-search = Alle Nachrichten nach „{ $words }“ durchsuchen
jump-choose = wählen
jump-open = öffnen
show = Welche Räume
show-all = Alle
show-unread = Ungelesen
show-mentions = Für dich
show-empty = Nichts dergleichen. Alles ist gelesen.
marked-unread = Als ungelesen markiert
favourite = Zu den Favoriten
favourite-no = Aus den Favoriten nehmen
low-priority = Niedrige Priorität
low-priority-no = Normale Priorität
mark-read = Als gelesen markieren
mark-unread = Als ungelesen markieren
mute = Stummschalten
unmute = Nicht mehr stumm
explore = Entdecken
explore-hint = Räume, die alle finden dürfen. Sieh auf diesem Server nach, oder nenne einen anderen.
explore-find = Raum suchen
explore-kinds = Wonach
explore-all = Alles
explore-rooms = Räume
explore-spaces = Spaces
explore-server = Server
explore-empty = Dort ist nichts eingetragen, das so heißt.
more-rooms = Mehr
space = Space
space-in = Du bist in
space-more = Weitere Räume
space-spaces = Spaces darin
space-empty = In diesem Space ist noch nichts.
create-space = Ein Space
add = Hinzufügen
add-rooms = Räume hinzufügen
add-rooms-none = Alle deine Räume sind in diesem Space.
open = Öffnen
asked = Angefragt
ask = Anfragen
look = Ansehen

## Ein Raum, in dem man nicht ist

outside-banned = Du bist aus diesem Raum verbannt.
outside-asked = Du hast angefragt. Der Raum erscheint hier, sobald dich jemand einlässt.
outside-ask = Um Einlass bitten
outside-ask-hint = Jemand im Raum sagt Ja oder Nein.
outside-closed = Für diesen Raum brauchst du vielleicht eine Einladung.
room-moved = Dieser Raum geht in einem anderen weiter. Hier kann nichts mehr geschrieben werden.
room-moved-go = Dorthin
room-read-only = Du kannst hier lesen, aber nicht schreiben.
newest = Neueste

## Über einen Raum

encrypted-hint = Nur die Menschen in diesem Raum können ihn lesen.
public-room-hint = Die Server derer, die in diesem Raum sind, können ihn lesen.
copy-room-link = Link zu diesem Raum kopieren
pinned = Angeheftet
pinned-all = Alle angehefteten Nachrichten
pinned-hide = Ausblenden, bis etwas Neues angeheftet wird
room-settings = Einstellungen des Raums
back-to-room = Zurück zum Raum
room-general = Allgemein
picture-change = Bild ändern
topic = Thema
loudness-usual = Wie alle Räume
loudness-all = Alles
loudness-mentions = Nur Erwähnungen
loudness-nothing = Nichts
access = Wer beitreten kann
access-invited = Nur Eingeladene
access-invited-hint = Jemand im Raum muss sie einladen.
access-asking = Alle dürfen anfragen
access-asking-hint = Jemand im Raum sagt Ja oder Nein.
access-anybody = Alle
access-anybody-hint = Wer die Adresse hat, kommt herein.
access-other = Wer beitreten kann, bestimmt ein Space.
history = Wer lesen kann, was vorher war
history-members = Mitglieder, alles
history-invited = Mitglieder, ab ihrer Einladung
history-joined = Mitglieder, ab ihrem Beitritt
history-anybody = Alle
history-hint = Eine Änderung gilt ab jetzt. Sie verbirgt und zeigt nichts, was vorher gesendet wurde.
listed = Unter „Entdecken“ eingetragen
listed-hint = Alle auf diesem Server finden Namen und Thema.
addresses = Adressen
addresses-hint = Ein kurzer Name, den man tippen oder weitergeben kann.
new-address = Neue Adresse
copy-address = Adresse kopieren
careful = Vorsicht
upgrade = Raum erneuern
upgrade-hint = Dieser Raum hat Version { $version }. Beim Erneuern entsteht ein Raum mit Version { $newest }, der alle dorthin führt; was gesagt wurde, bleibt hier lesbar.

## Menschen

write = Schreiben
rooms-in-common = Gemeinsame Räume
role-here = Rolle hier
tag-member = Mitglied
role-banned = Verbannt
ignore = Überall ignorieren
unignore = Nicht mehr ignorieren
only-you = Nur du
kick = Aus dem Raum entfernen…
kick-title = { $name } entfernen?
kick-hint = Sie können zurückkommen, wenn sie eingeladen werden oder der Raum offen ist. Sie sehen den Grund.
kick-do = Entfernen
ban = Verbannen…
ban-title = { $name } verbannen?
ban-hint = Sie können nicht zurückkommen, bis jemand den Bann aufhebt. Sie sehen den Grund.
ban-do = Verbannen
unban = Wieder einlassen
reason = Grund
invite-history = Sie können lesen, was vorher gesagt wurde, soweit der Raum es zulässt.

## Nachrichten

pin = Anheften
unpin = Nicht mehr anheften
copy-link = Link kopieren
forward = Weiterleiten
forward-to = Weiterleiten an
report = Melden
report-title = Diese Nachricht melden?
report-hint = Wer den Server betreibt, sieht sie mit deinem Grund.
poll = Umfrage
poll-new = Den Raum fragen
poll-question = Frage
poll-answer = Antwort { $number }
poll-add = Noch eine Antwort
poll-ask = Fragen
poll-end = Umfrage beenden
poll-ended = Die Umfrage ist beendet.
poll-votes = { $count ->
    [one] 1 Stimme
   *[other] { $count } Stimmen
}
poll-over = { $count ->
    [one] Beendet, 1 Stimme
   *[other] Beendet, { $count } Stimmen
}
voice-message = Sprachnachricht
voice-recording = Aufnahme
voice-cancel = Aufnahme verwerfen
voice-refused = Der Browser gibt kein Mikrofon frei. Das steht neben der Adresse, und dort lässt es sich ändern.
voice-speed = Tempo
play = Abspielen
pause = Anhalten
code = Code
link-preview = Was die verlinkte Seite über sich sagt
larger = Größer
smaller = Kleiner
remove = Entfernen

## Schreiben

attach-file = Dateien
formatting = Formatierung
bold = Fett
italic = Kursiv
struck = Durchgestrichen
link = Link
list = Liste
quote = Zitat
complete = Was du meinen könntest
name-all = Alle in diesem Raum
tray = Dateien zum Senden
tray-files = { $count ->
    [one] 1 Datei
   *[other] { $count } Dateien
}
tray-up = { $name } nach oben
tray-remove = { $name } entfernen
caption = Beschriftung
caption-of = Beschriftung von { $name }
file-too-large = { $name } ist zu groß: höchstens 100 MB passen.
emoji = Emoji
emoji-kinds = Arten
emoji-search = Emoji suchen
emoji-found = Gefunden
emoji-recent = Zuletzt
emoji-tone = Hautton
emoji-faces = Gesichter
emoji-people = Menschen
emoji-nature = Natur
emoji-food = Essen
emoji-travel = Orte
emoji-doing = Freizeit
emoji-things = Dinge
emoji-signs = Zeichen
emoji-flags = Flaggen

## Suche

search-messages = Nachrichten suchen
search-reach = Der Server durchsucht Räume, die nicht verschlüsselt sind. Die anderen kann er nicht lesen.
search-count = { $count ->
    [one] 1 Nachricht
   *[other] { $count } Nachrichten
}
search-more = Mehr
search-nothing = Nichts mit „{ $words }“
search-nothing-hint = Versuche es mit weniger Wörtern, oder nur mit dem Anfang eines Worts.

## Benachrichtigungen

notify-test = Eine zur Probe
notify-test-text = So sieht das aus.
push = Auch wenn Hearth geschlossen ist
push-hint = Dein Server sagt es diesem Browser selbst. Was geschrieben wurde, steht nicht darin.
push-failed = Dieser Browser hat keinen Push-Dienst, der antwortet.
keywords = Wörter, die als Erwähnung zählen
keywords-hint = Dein Name zählt immer.
keywords-new = Noch ein Wort

## Tasten

keys = Tasten
key-jump = Suchen oder springen
key-rooms = Raum davor, danach
key-unread = Ungelesener Raum davor, danach
key-search = Nachrichten suchen
key-settings = Einstellungen
key-parts = Nächster Teil der Seite
key-close = Schließen, was obenauf liegt
key-sheet = Diese Liste
key-edit = Deine letzte Nachricht bearbeiten (im leeren Textfeld)
key-line = Neue Zeile
key-bold = Fett
key-italic = Kursiv
key-code = Code
key-complete = Person, Raum oder Emoji ergänzen
key-message = Antworten, Thread, bearbeiten, reagieren (auf einer Nachricht)
key-delete = Was sich mit einer Nachricht tun lässt (auf ihr)
key-spoiler = Wörter verbergen, bis jemand sie anklickt

## Konten

accounts = Konten
accounts-hint = Jeder Tab dieses Browsers hat eines davon offen.
account-add = Konto hinzufügen
account-open = Dorthin
account-back = Zurück zu { $name }
password-change = Passwort ändern
password-change-hint = Deine anderen Sitzungen werden dadurch abgemeldet.
password-old = Das Passwort jetzt
password-new = Das neue Passwort
reset = Ich habe keins von beiden
reset-title = Neu anfangen
reset-lost = Verschlüsselte Nachrichten, die nur deine alten Schlüssel öffnen, bleiben zu, und wer dich verifiziert hat, muss es noch einmal tun.
reset-stays = Dein Konto, deine Räume und die Leute darin bleiben, und alles, was du von jetzt an schreibst.
reset-do = Neu anfangen
reset-elsewhere = Dein Server macht das auf einer eigenen Seite, die dieser Client noch nicht kennt.
session-rename = Umbenennen
session-name = Wie die Sitzung heißt

## Sich zurechtfinden

threads = Threads
threads-none = Noch keine Threads
threads-none-hint = „Im Thread antworten“ an einer Nachricht beginnt einen.
go-to-day = Zu einem Tag gehen
versions = Was die Nachricht war
undisturbed = Nicht stören
undisturbed-hint = Nichts benachrichtigt dich, auf keinem deiner Geräte, bis du das ausschaltest.
locked-ask = Noch einmal fragen
locked-asked = Gefragt. Sie erscheint, sobald jemand antwortet, der den Schlüssel hat.
invitation-stranger = Ihr habt keinen gemeinsamen Raum. Bilder werden erst gezeigt, wenn du beitrittst.
shared = Dateien, Bilder und Links
shared-media = Bilder und Videos
shared-files = Dateien
shared-links = Links
shared-all = Alle
shared-media-none = Noch keine Bilder
shared-files-none = Noch keine Dateien
shared-links-none = Noch keine Links
shared-none-encrypted = Nur Nachrichten, die diese Sitzung lesen kann, werden durchgesehen.
previews = Link-Vorschau
previews-hint = Worauf ein Link führt, steht unter der Nachricht.
previews-hint-encrypted = Dein Server erfährt, welche Links in diesem Raum stehen.
sound = Ton
sound-hint = Ein leiser, wenn etwas kommt, während du woanders hinschaust.
sound-test = Anhören
quiet-hours = Ruhezeit
quiet-hours-hint = Jeden Tag zwischen diesen Zeiten zeigt und spielt dieser Browser nichts.
quiet-hours-from = Ruhe ab
quiet-hours-to = Ruhe bis

## Anrufe

call-voice = Sprachanruf
call-video = Videoanruf
call-begin = Anruf beginnen
call-voice-only = Nur Ton
call-joining = Tritt bei
call-nobody = Noch niemand da
call-alone = Du bist allein hier. Die anderen sehen, dass der Anruf läuft.
call-there = Gerade da
call-there-count = { $count ->
    [one] 1 Person ist im Gespräch
   *[other] { $count } Personen sind im Gespräch
}
call-coming = Unterwegs
call-with = Anruf in { $name }
call-leave = Auflegen
call-mute = Stumm schalten
call-unmute = Ton einschalten
call-muted = Stumm
call-camera = Kamera
call-camera-on = Kamera einschalten
call-camera-off = Kamera ausschalten
call-microphone = Mikrofon
call-loudspeaker = Lautsprecher
call-heard = Das Mikrofon hört dich
call-not-heard = Das Mikrofon hört nichts
call-share = Bildschirm zeigen
call-share-end = Bildschirm nicht mehr zeigen
call-shares = { $name } zeigt den Bildschirm
call-shares-me = Du zeigst deinen Bildschirm
call-view-grid = Alle gleich groß zeigen
call-view-speaker = Groß zeigen, wer spricht
call-pin = Groß behalten
call-unpin = Nicht mehr groß behalten
call-full = Ganzer Bildschirm
call-chat = Chat
call-to-room = Zurück zum Raum, der Anruf läuft weiter
call-to-call = Zurück zum Anruf
call-quality-good = Gute Verbindung
call-quality-fair = Mäßige Verbindung
call-quality-poor = Schlechte Verbindung
call-encrypted = Verschlüsselt zwischen allen im Anruf.
call-open = Dieser Raum ist nicht verschlüsselt, der Anruf also auch nicht.
call-rings = { $kind }
call-rings-in = { $kind } in { $room }
call-answer = Annehmen
call-write = Schreiben
call-declined = { $name } kann gerade nicht.
call-other = Du bist schon in einem Anruf. Lege dort erst auf.
call-no-permission = Der Browser lässt Hearth nicht an Mikrofon oder Kamera. Erlaube es neben der Adresse und versuche es noch einmal.
call-no-device = Es wurde kein Mikrofon und keine Kamera gefunden. Schließe eines an und versuche es noch einmal.
call-device-busy = Ein anderes Programm benutzt Mikrofon oder Kamera. Schließe es und versuche es noch einmal.
call-no-route = Der Anruf ist von hier nicht zu erreichen. Versuche ein anderes Netz; vielleicht sperrt ihn eine Firewall.
call-no-service = Dein Server vermittelt keine Anrufe. Wer ihn betreibt, kann sie einschalten.
call-not-built = Diese Seite wurde ohne Anrufe gebaut.
call-forbidden = Du darfst in diesem Raum nicht anrufen. Wer ihn moderiert, kann es erlauben.
call-hand = Hand heben
call-hand-down = Hand senken
call-hand-raised = Meldet sich
call-react = Reagieren
key-call = Mikrofon, Kamera (im Anruf)
key-talk = Sprechen, solange sie gedrückt ist (im Anruf, stumm)
