#!/bin/sh
# A flag backend as a team would write it: keeps an exposure and a counter in the folder that it is given.
cd "$1" || exit 1
read -r question
revision=0
exposure='{}'
[ ! -e revision ] || read -r revision <revision
[ ! -e exposure ] || read -r exposure <exposure
case $question in
*'"action":"read"'*)
  if [ -e foreign ]; then
    read -r found <foreign
    printf '{"foreign":"%s","revision":"%s"}' "$found" "$revision"
  else
    printf '{"exposure":%s,"revision":"%s"}' "$exposure" "$revision"
  fi
  ;;
*)
  case $question in
  *'"ifRevision":"'*)
    expected=${question#*'"ifRevision":"'}
    expected=${expected%%'"'*}
    if [ "$expected" != "$revision" ]; then
      printf '{"conflict":"at revision %s, not %s"}' "$revision" "$expected"
      exit
    fi
    ;;
  esac
  [ ! -e foreign ] || rm foreign
  printf '%s\n' "$question" | sed 's/.*"exposure":\({[^}]*}[^}]*}\).*/\1/' >exposure
  echo $((revision + 1)) >revision
  printf '{"revision":"%s"}' "$((revision + 1))"
  ;;
esac
