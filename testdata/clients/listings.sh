# Programs that read the listing of a collection as they read Apache's and nginx's: lftp, wget and fsspec.
. "$(dirname "$0")/lib.sh"

serve
source_tree "$DIR/tree"
echo colon >"$DIR/tree/deep/at 7:30"

step "lftp: sizes without asking for each, and a mirror"
lftp -c "open ${URL}tree/; ls" | grep -qE "^-rw-r--r-- +$(stat -c %s "$DIR/tree/large.txt") +[0-9]{4}-[0-9-]* [0-9:]* +large.txt$" || fail "lftp does not know the size"
mkdir "$WORK/lftp"
lftp -c "open ${URL}tree/; mirror . $WORK/lftp"
diff -r "$DIR/tree" "$WORK/lftp"

step "wget: what it fetches stays below where it began"
wget -q -r -nH -P "$WORK/wget" "${URL}tree/deep/"
find "$WORK/wget" -name index.html -delete
equal "$(cd "$WORK/wget" && find . -type f | sort)" "$(cd "$DIR" && find ./tree/deep -type f | sort)" "what wget fetched"

step "fsspec: no entry but the members, with and without a slash"
for slash in '' /; do
	equal "$(/usr/bin/python3 -c "import fsspec; print(*sorted(fsspec.filesystem('http').find('${URL}tree/deep$slash')), sep='\n')" | sed s/%3A/:/)" \
		"${URL}tree/deep/100%25%20%231%20%26%20%5Bmore%5D%3B%20%27quoted%27+.txt
${URL}tree/deep/a%20name%20with%20spaces.txt
${URL}tree/deep/at%207:30
${URL}tree/deep/er/and/deeper/still/file" "what fsspec finds"
done

stop
