#!/bin/sh
# A flag backend as a team would write it: keeps an exposure and a counter in the folder that it is given.
cd "$1" || exit 1
question=$(cat)
revision=$(cat revision 2>/dev/null || echo 0)
case $question in
*'"action":"read"'*)
  if [ -e foreign ]; then
    printf '{"foreign":"%s","revision":"%s"}' "$(cat foreign)" "$revision"
  else
    printf '{"exposure":%s,"revision":"%s"}' "$(cat exposure 2>/dev/null || echo '{}')" "$revision"
  fi
  ;;
*)
  expected=$(printf %s "$question" | sed -n 's/.*"ifRevision":"\([^"]*\)".*/\1/p')
  case $question in
  *'"ifRevision"'*)
    if [ "$expected" != "$revision" ]; then
      printf '{"conflict":"at revision %s, not %s"}' "$revision" "$expected"
      exit
    fi
    ;;
  esac
  rm -f foreign
  printf %s "$question" | sed 's/.*"exposure":\({[^}]*}[^}]*}\).*/\1/' >exposure
  echo $((revision + 1)) >revision
  printf '{"revision":"%s"}' "$((revision + 1))"
  ;;
esac
