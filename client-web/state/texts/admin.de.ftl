# Die Wörter der Verwaltung auf Deutsch.

language-name = Deutsch
administration = Verwaltung
admin = Admin
device-name = Hearth-Verwaltung
loading = Wird geladen
failed = Das ließ sich nicht laden
try-again = Noch einmal
close = Schließen
cancel = Abbrechen
back = Zurück
open = Öffnen
copy = Kopieren
copied = Kopiert.
delete = Löschen
check = Prüfen
now = jetzt
never = nie
none = keine
when = Wann
who = Wer
what = Was
name = Name
kind = Art
size = Größe
share = Anteil
state = Zustand
value = Wert
version = Version
actions = Aktionen
actions-for = Aktionen für { $name }
id = Kennung
address = Adresse
reason = Grund
people = Leute
person = Person
guest = Gast
on = an
off = aus
older = Älter
newer = Neuer
rows-of = { $from } bis { $until } von { $total }
page-before = Seite davor
page-next = Nächste Seite
type-to-confirm = Das lässt sich nicht zurücknehmen. Zur Bestätigung eingeben:
size-b = { $size } B
size-kb = { $size } KB
size-mb = { $size } MB
size-gb = { $size } GB
size-tb = { $size } TB
for-minutes =
    { $count ->
        [one] { $count } Minute
       *[other] { $count } Minuten
    }
for-hours = { $count } Stunden
for-days = { $count } Tagen

# Die Tür
sign-in = Anmelden
sign-in-to = von
sign-in-other = Als jemand anderes anmelden
sign-out = Abmelden
password = Passwort
password-show = Passwort zeigen
password-hide = Passwort verbergen
door-note = Für Administratoren dieses Servers. Die Sitzung gehört nur zu diesem Tab; sie endet, wenn er geschlossen oder 15 Minuten nicht benutzt wird.
no-administrator = Nicht für dieses Konto
no-administrator-text = { $user } ist kein Administrator von { $server }. Wer den Server betreibt, kann dich dazu machen: hearth admin users promote.
to-chat = Zum Chat
signed-out = Die Sitzung ist beendet. Melde dich neu an.
signed-out-idle = Du wurdest abgemeldet, weil 15 Minuten nichts geschah.
error-password = Name oder Passwort ist falsch. Großbuchstaben zählen beim Passwort.
error-offline = Der Server antwortet nicht. Prüfe die Verbindung und versuche es noch einmal.
error-limit = Das war zu oft. Warte etwas und versuche es noch einmal.
error-refused = Der Server sagt: { $why }
error-other = Das hat nicht geklappt: { $error }

# Die Teile
all-parts = Alles der Verwaltung
part-care = Betreuung
part-server = Server
overview = Überblick
users = Leute
rooms = Räume
federation = Föderation
media = Medien
reports = Meldungen
bans = Banne
tokens = Einladungen
record = Protokoll
bridges = Brücken und Bots
settings = Einstellungen
reports-open =
    { $count ->
        [one] { $count } offene Meldung
       *[other] { $count } offene Meldungen
    }
users-waiting =
    { $count ->
        [one] { $count } Konto wartet auf Einlass
       *[other] { $count } Konten warten auf Einlass
    }

# Der Überblick
overview-text = { $server }, Hearth { $version }, läuft seit { $up }
healthy = Alles in Ordnung
warnings =
    { $count ->
        [one] { $count } Warnung
       *[other] { $count } Warnungen
    }
writing-fails = Es kann nichts geschrieben werden.
writing-fails-text = Nachrichten werden abgelehnt, bis die Platte sie wieder annimmt. Das Log sagt, warum.
far-behind = Ein Leser des Logs ist weit zurück.
far-behind-text = { $count } Änderungen warten auf ihn.
server-silent = { $server } antwortet nicht seit { $since }.
server-silent-text =
    { $others ->
        [0] Der nächste Versuch ist um { $at }.
        [one] Der nächste Versuch ist um { $at }. Ebenso schweigt { $others } weiterer Server.
       *[other] Der nächste Versuch ist um { $at }. Ebenso schweigen { $others } weitere Server.
    }
look-into = Ansehen
span = Zeitraum
span-hour = Stunde
span-day = Tag
span-week = Woche
span-month = Monat
figure-administrators =
    { $count ->
        [one] { $count } Administrator
       *[other] { $count } Administratoren
    }
figure-ended =
    { $count ->
        [one] { $count } Konto beendet
       *[other] { $count } Konten beendet
    }
figure-servers = Andere Server
figure-failing =
    { $count ->
        [0] alle antworten
       *[other] { $count } antworten nicht
    }
figure-media = Dateien
disk = Platte
disk-free = { $free } von { $total } frei
plot-messages = Hier gesendete Nachrichten
plot-send = Vom Senden bis zur Annahme
plot-send-unit = 99 von 100, Millisekunden
plot-requests = Anfragen
plot-online = Leute online
plot-online-unit = zugleich
plot-memory = Arbeitsspeicher
plot-behind = Rückstand der Leser
plot-behind-unit = Änderungen, der langsamste
plot-spoken = { $what }: jetzt { $last }, höchstens { $highest }
a-minute = je Minute
not-measured = Noch wurde nichts gemessen. Die ersten Zahlen kommen binnen einer Minute.
storage = Speicher
storage-uploads = Bilder und Dateien
storage-database = Nachrichten und Zustand
storage-copies = Kopien von anderen Servern
storage-search = Suche
largest-rooms = Größte Räume
estimated = geschätzt
readers = Leser des Logs
readers-unit = Änderungen zurück
no-readers = Niemand folgt dem Log.

# Leute
accounts =
    { $count ->
        [one] { $count } Konto
       *[other] { $count } Konten
    }
find-users = Name oder Adresse
everyone = Alle
administrators = Admins
unapproved = Wartend
ended = Beendet
nobody-found = Niemand gefunden
nobody-found-text = Versuche einen kürzeren Namen, oder zeige alle.
last-here = Zuletzt hier
since = Seit
state-active = Aktiv
state-ended = Beendet
state-unapproved = Wartet auf Einlass
state-locked = Gesperrt
state-suspended = Stillgelegt
state-shadow-banned = Stumm geschaltet
new-user = Neues Konto
new-user-hint = Nur Kleinbuchstaben, Ziffern und . _ = - / +.
new-user-admin = Darf diesen Server verwalten
new-user-done = { $name } hat ein Konto.
make-user = Konto anlegen
new-password = Neues Passwort
sessions = Sitzungen
no-sessions = Nirgends angemeldet.
session-ended = Die Sitzung ist beendet.
files =
    { $count ->
        [one] { $shown } Datei
       *[other] { $shown } Dateien
    }
membership-join = dabei
membership-invite = eingeladen
membership-leave = gegangen
membership-ban = gebannt
membership-knock = angeklopft
choose = { $name } auswählen
choose-all = Alle auswählen
choose-none = Keine auswählen
chosen = { $count } ausgewählt
for-many = Das gilt für { $count } Konten: { $names }.
done-with-many = Für { $count } Konten erledigt.
for-rooms = Das gilt für { $count } Räume: { $names }.
done-with-rooms = Für { $count } Räume erledigt.
approve = Einlassen
approve-short = Kann sich anmelden.
approve-text = { $name } kann sich ab jetzt anmelden.
approve-done = { $name } ist eingelassen.
notify = Mitteilung senden
notify-short = Wird in einem eigenen Raum des Servers gelesen.
notify-text = { $name } liest sie in einem eigenen Raum des Servers.
notify-done = { $name } hat die Mitteilung.
notice = Mitteilung
notice-hint = Dafür muss server_notices eingestellt sein.
set-password = Passwort setzen
set-password-short = Das neue sagst du der Person selbst.
set-password-text = { $name } meldet sich ab jetzt mit dem neuen Passwort an.
set-password-sign-out = Alle Sitzungen abmelden
set-password-done = { $name } hat ein neues Passwort.
promote = Zum Admin machen
promote-short = Darf dann alles, was du hier darfst.
promote-text = { $name } darf dann alles, was du hier darfst, auch gegen dich.
promote-done = { $name } ist Administrator.
demote = Adminrechte nehmen
demote-short = Konto und Räume bleiben.
demote-text = { $name } behält Konto und Räume und sieht diese Seite nicht mehr.
demote-done = { $name } ist kein Administrator mehr.
suspend = Stilllegen
suspend-short = Kann lesen und kaum schreiben.
suspend-text = { $name } kann lesen und Räume verlassen und nichts schreiben, bis du es beendest.
suspend-done = { $name } ist stillgelegt.
end-suspension = Stilllegung beenden
end-suspension-short = Kann wieder schreiben.
end-suspension-text = { $name } kann wieder schreiben.
end-suspension-done = { $name } ist nicht mehr stillgelegt.
lock = Sperren
lock-short = Kann sich nur noch abmelden.
lock-text = { $name } kann sich nur noch abmelden, bis du das Konto entsperrst. Nichts geht verloren.
lock-done = { $name } ist gesperrt.
unlock = Entsperren
unlock-short = Kann weitermachen.
unlock-text = { $name } kann weitermachen, wo es aufhörte.
unlock-done = { $name } ist entsperrt.
shadow-ban = Stumm schalten
shadow-ban-short = Niemand bekommt, was die Person sendet; sie merkt es nicht.
shadow-ban-text = Niemand bekommt mehr, was { $name } sendet, und die Person erfährt es nicht. Das ist für Werber, die sonst wiederkämen.
shadow-ban-done = { $name } ist stumm geschaltet.
end-shadow-ban = Stummschaltung beenden
end-shadow-ban-short = Andere bekommen wieder, was die Person sendet.
end-shadow-ban-text = Andere bekommen wieder, was { $name } sendet. Was inzwischen gesendet wurde, kommt nicht.
end-shadow-ban-done = { $name } ist nicht mehr stumm geschaltet.
sign-out-everywhere = Überall abmelden
sign-out-everywhere-short = Alle Sitzungen enden sofort.
sign-out-everywhere-text = Alle Sitzungen von { $name } enden sofort. Schlüssel, die nur dort sind, gehen verloren.
sign-out-everywhere-done = Alle Sitzungen von { $name } sind beendet.
log-in-as = Als diese Person anmelden
log-in-as-short = Ein Schlüssel, mit dem man in ihrem Namen handelt.
log-in-as-text = Du bekommst einen Schlüssel, mit dem man als { $name } handelt. Das steht im Protokoll, und die Person sieht die Sitzung.
log-in-as-done = Eine Sitzung von { $name } wurde geöffnet.
log-in-as-token = Das wird einmal gezeigt. Wer ihn hat, handelt als diese Person, bis die Sitzung beendet wird.
redact-user = Nachrichten entfernen
redact-user-short = In allen Räumen, 1.000 je Raum.
redact-user-text = Die letzten 1.000 Nachrichten von { $name } in jedem Raum werden entfernt, hier und auf anderen Servern.
redact-user-done = Die Nachrichten von { $name } werden entfernt.
end-account = Konto beenden
end-account-short = Für immer: Es kommt nicht zurück.
end-account-text = { $name } wird abgemeldet und aus allen Räumen genommen, und niemand kann diesen Namen noch einmal haben.
end-account-erase = Wer neu in Räume kommt, sieht nichts von dem, was die Person sagte
end-account-done = Das Konto von { $name } ist beendet.

# Räume
rooms-count =
    { $count ->
        [one] { $count } Raum
       *[other] { $count } Räume
    }
find-rooms = Name, Adresse oder Kennung
all-rooms = Alle
public-rooms = Öffentlich
private-rooms = Privat
empty-rooms = Leer
no-room-found = Kein Raum gefunden
no-room-found-text = Versuche einen kürzeren Namen, oder zeige alle.
no-rooms = Keine Räume.
no-name = Ohne Namen
room = Raum
space = Space
public-room = Öffentlich
private-room = Privat
encryption = Verschlüsselung
encrypted = Verschlüsselt
not-encrypted = Nicht verschlüsselt
people-here = Von hier
people-count =
    { $count ->
        [one] { $count } Person
       *[other] { $count } Leute
    }
people-of-which = { $count }, davon { $here } von diesem Server
creator = Erstellt von
join-rule = Wer beitreten darf
history = Wer lesen darf
join-rule-public = alle
join-rule-invite = wer eingeladen ist
join-rule-knock = wer anfragt und eingelassen wird
join-rule-restricted = wer in bestimmten anderen Räumen ist
join-rule-knock_restricted = wer in bestimmten anderen Räumen ist, oder anfragt und eingelassen wird
join-rule-private = niemand
history-invited = Mitglieder, ab der Einladung
history-joined = Mitglieder, ab dem Beitritt
history-shared = Mitglieder, auch was davor war
history-world_readable = alle
state-events = Zustandsereignisse
members = Mitglieder
no-members = Niemand ist darin.
and-more = und { $count } weitere
blocked = Gesperrt
block-room = Sperren
block-room-short = Niemand von hier kommt hinein.
block-room-text = Niemand von { $server } kann { $name } noch betreten. Wer darin ist, bleibt.
block-room-done = Der Raum ist gesperrt.
unblock-room = Entsperren
unblock-room-short = Leute von hier dürfen wieder hinein.
unblock-room-text = Leute von { $server } dürfen { $name } wieder betreten.
unblock-room-done = Der Raum ist nicht mehr gesperrt.
make-room-admin = Admin des Raums werden
make-room-admin-short = Du bekommst die meiste Macht, die jemand von hier hat.
make-room-admin-text = Du bekommst die Macht dessen, der von { $server } in { $name } am meisten hat, und eine Einladung, wenn du eine brauchst. Alle dort sehen es.
make-room-admin-done = Du hast Macht in dem Raum.
purge-room = Alte Nachrichten löschen
purge-room-short = Von diesem Server, um Platz zu schaffen.
purge-room-text = Alte Nachrichten von { $name } werden von { $server } gelöscht. Andere Server behalten ihre.
purge-room-done = Das Löschen hat begonnen.
purge-own-too = Auch, was Leute dieses Servers sandten und vielleicht nirgends sonst ist
keep-days = Behalten, was neuer ist als so viele Tage
quarantine-room = Medien unter Verschluss
quarantine-room-short = Niemand bekommt diese Dateien noch.
quarantine-room-text = Niemand von { $server } bekommt noch eine Datei von { $name }, auch nicht unter anderem Namen.
quarantine-room-done = Die Medien des Raums sind unter Verschluss.
delete-room = Löschen
delete-room-short = Alle von hier gehen, und alles wird gelöscht.
delete-room-text = Alle von { $server } werden aus { $name } genommen, und alles davon wird hier gelöscht. Andere Server behalten ihres.
delete-room-block = Niemand von hier darf ihn wieder betreten
delete-room-done = Das Löschen hat begonnen.
delete-room-gone = Der Raum ist gelöscht.
task-active = Das läuft noch…
task-complete = Fertig.
task-failed = Das hat nicht geklappt.

# Medien
media-text = Wer wie viel davon hat
find-server = Server
files-head = Dateien
no-media = Keine Medien
no-media-text = Noch hat niemand etwas hochgeladen.
media-of = Medien von { $name }
clear-copies = Platz schaffen
clear-copies-text = Kopien von Medien anderer Server, die älter als 7 Tage sind, werden gelöscht. Sie kommen wieder, wenn jemand sie will.
clear-copies-done = Alte Kopien sind gelöscht.
quarantine-all = Alle unter Verschluss
quarantine-all-text = Niemand bekommt noch eine Datei, die { $name } hochlud, auch nicht unter anderem Namen.
quarantine-all-done = Alle diese Medien sind unter Verschluss.
quarantined = Unter Verschluss
quarantine = Unter Verschluss nehmen
quarantine-done = { $name } ist unter Verschluss.
unquarantine = Freigeben
unquarantine-done = { $name } ist freigegeben.
delete-file = Löschen
delete-file-text = { $name } wird von diesem Server gelöscht. Andere Server haben vielleicht Kopien.
delete-file-done = { $name } ist gelöscht.

# Meldungen
no-reports = Keine Meldungen
no-reports-text = Wenn jemand eine Nachricht, einen Raum oder eine Person meldet, steht es hier.
choose-report = Keine Meldung ist offen
choose-report-text = Wähle eine aus der Liste.
report-message = { $sender } in { $room }
report-room = Raum { $room }
report-user = Person { $sender }
report-by = { $who } meldete das, { $at }
who-reported = Wer es meldete
reports-count = { $count } Meldungen
reports-between = { $count } Meldungen, zwischen { $first } und { $last }
no-words = Ohne Worte
about-it = Dazu
event = Ereignis
what-was-said = Was gesagt wurde
said-encrypted = Die Nachricht ist verschlüsselt: Nur die Leute im Raum können sie lesen.
close-reports =
    { $count ->
        [one] Ablegen
       *[other] Alle { $count } ablegen
    }
reports-closed =
    { $count ->
        [one] Die Meldung ist abgelegt.
       *[other] { $count } Meldungen sind abgelegt.
    }
decide-remove = Nachrichten entfernen
decide-remove-text = Die letzten 1.000 Nachrichten von { $name } in diesem Raum werden entfernt, hier und auf anderen Servern.
decide-remove-done = Die Nachrichten werden entfernt.
decide-warn = Verwarnen
decide-warn-text = { $name } liest es in einem eigenen Raum des Servers.
decide-warn-done = Die Mitteilung ist da.
decide-suspend = Stilllegen
decide-suspend-text = { $name } kann lesen und nichts schreiben, bis du es beendest.
decide-suspend-done = Das Konto ist stillgelegt.
decide-end = Konto beenden
decide-end-text = { $name } wird abgemeldet und aus allen Räumen genommen, für immer.
decide-end-done = Das Konto ist beendet.

# Föderation
federation-text =
    { $count ->
        [0] { $server } spricht mit keinem anderen Server
        [one] { $server } spricht mit { $count } Server
       *[other] { $server } spricht mit { $count } Servern
    }
server = Server
last-failure = Letzter Fehler
pause = Pause
by-name = Nach Namen
failing-first = Fehler zuerst
peer-fails = Antwortet nicht
peer-fine = In Ordnung
check-server = { $server } prüfen
no-servers = Keine anderen Server
no-servers-text = Server, mit denen Leute von hier Räume teilen, stehen hier.
choose-server = Warum antwortet ein Server nicht?
choose-server-text = Wähle einen: Er wird sofort gefragt, und du siehst, was er sagt.
asking-server = { $server } wird gefragt
asking-server-text = Das dauert bis zu 15 Sekunden.
server-answers = { $server } antwortet
server-answers-not = { $server } antwortet nicht
trace-answer = Er nahm unsere Frage an und antwortete
trace-no-answer = Es kam keine Antwort
trace-failures =
    { $count ->
        [0] Er fiel in letzter Zeit nicht aus
        [one] Er fiel einmal aus
       *[other] Er fiel { $count } Mal nacheinander aus
    }
trace-retry = Der nächste Versuch ist um { $at }.
trace-behind =
    { $count ->
        [0] Nichts wartet auf ihn
        [one] Nachrichten aus { $count } Raum warten auf ihn
       *[other] Nachrichten aus { $count } Räumen warten auf ihn
    }
trace-shared = Er teilt { $count } Räume mit diesem Server.
ask-again = Noch einmal fragen
reset-connection = Jetzt senden, was wartet
reset-done = { $server } wird sofort versucht.

# Brücken
bridges-text = Programme, die für Leute anderer Netze sprechen, und was auf sie wartet
no-bridges = Keine Brücken oder Bots
no-bridges-text = Die Einstellung appservices nennt sie, mit ihren Registrierungsdateien.
bridge-silent = fragt nach nichts
bridge-behind =
    { $count ->
        [0] auf dem Stand
        [one] { $shown } Änderung wartet
       *[other] { $shown } Änderungen warten
    }
ping = Anfragen
ping-service = { $name } anfragen
ping-asked = Wird gefragt…
ping-there =
    { $ms ->
        [0] Das Programm ist da und antwortete sofort.
       *[other] Das Programm ist da und antwortete binnen { $ms } ms.
    }

# Banne
bans-text = Mit wem dieser Server nichts zu tun hat: weder mit Leuten noch mit Servern noch mit Raumadressen, die so aussehen
find-bans = Name oder Grund
all-bans = Alle
ban-user = Person
ban-server = Server
ban-alias = Raumadresse
bans-user = Leute
bans-server = Server
bans-alias = Adressen
ban-glob = Wie es aussieht
ban-user-hint = Ein Name wie @spam:example.org, mit * für beliebige Zeichen und ? für eines: @spam*:*
ban-server-hint = Ein Name wie example.org, mit * für beliebige Zeichen und ? für eines: *.example.org
ban-alias-hint = Eine Adresse wie #gratis:example.org, mit * für beliebige Zeichen und ? für eines: #gratis-*:*
ban-user-text = Niemand mit so einem Namen kann sich hier anmelden oder ein Konto anlegen, jemanden von hier einladen oder mit ihnen in einen Raum kommen.
ban-server-text = Von so einem Server wird nichts angenommen, und es wird ihm nichts gesendet.
ban-alias-text = Niemand kann so eine Adresse hier benutzen oder anlegen.
ban-reason-hint = Für andere Administratoren; er darf fehlen.
new-ban = Neuer Bann
make-ban = Bannen
new-ban-done = Der Bann gilt.
lift-ban = Aufheben
lift-this-ban = Den Bann von { $glob } aufheben
lift-ban-text = { $glob } ist nicht mehr gebannt. Was inzwischen abgelehnt wurde, kommt nicht.
lift-ban-done = Der Bann ist aufgehoben.
no-bans = Keine Banne
no-bans-text = Wer mehr als einen Raum stört, kann vom ganzen Server gebannt werden.
no-ban-found = Kein solcher Bann
no-ban-found-text = Versuche einen kürzeren Namen, oder zeige alle.

# Einladungen
tokens-text = Codes, mit denen Leute ein Konto anlegen, wo die Registrierung einen verlangt
new-token = Neuer Code
new-token-done = Der Code ist { $token }.
token = Code
uses = Benutzt
uses-of = { $count } von { $allowed }
token-short = { $uses } benutzt, endet: { $ends }
expires = Endet
token-over = Verbraucht
token-valid = Gültig
token-uses = Wie oft er benutzt werden darf
token-uses-hint = Leer für beliebig oft.
token-days = Wie viele Tage er gilt
token-days-hint = Leer für immer.
no-tokens = Keine Codes
no-tokens-text = Lege einen an und sende ihn, wem du willst.
delete-token = Code löschen
delete-token-text = Niemand kann damit noch ein Konto anlegen. Angelegte Konten bleiben.
delete-token-done = Der Code ist gelöscht.
delete-this-token = { $token } löschen

# Das Protokoll
record-text = Was Administratoren taten. Niemand kann es ändern.
no-record = Noch nichts
no-record-text = Was Administratoren ändern, steht hier.
outcome = Ergebnis
outcome-done = Getan
outcome-refused = Abgelehnt
outcome-unknown = Nicht bekannt

# Einstellungen
settings-text = Was gilt. Geändert wird es in der Datei hearth.toml und mit einem Neustart.
find-setting = Einstellung
all-settings = Alle
changed-settings = Geändert
setting = Einstellung
changed = Geändert
not-set = nicht gesetzt
secret-set = gesetzt, nicht gezeigt
no-setting = Keine solche Einstellung
no-setting-text = Versuche einen kürzeren Namen, oder zeige alle.
