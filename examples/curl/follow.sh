# Follows a room's messages with curl, a JSON object a line; after a cut it goes on from the last event's id.
room=$1
gateway=${GATEWAY:-http://localhost:8080}
id_file=$(mktemp)
trap 'rm -f "$id_file"' EXIT
trap 'exit 1' INT TERM
until [ "$(cat "$id_file")" = stop ]; do
  curl -sSfN --get "$gateway/events" -d "room=$room" -H "Last-Event-ID: $(cat "$id_file")" |
    while IFS= read -r line; do
      case $line in
        id:*) id=${line#id: } ;;
        data:*) data=$data${line#data: } ;;
        # The event is whole: only now does its id count.
        '')
          case $data in '{"type":"message"'*) printf '%s\n' "$data" ;; esac
          [ -z "$id" ] || printf '%s' "$id" > "$id_file"
          data= ;;
      esac
    done
  sleep 1
done
