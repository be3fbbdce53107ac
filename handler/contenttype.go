package handler

import (
	"mime"
	"path"
	"strings"
)

// contentType tells the type of a representation by its name alone, so that a listing opens no file and
// the answer is the same on every system: our table first, then the system's. Contents are not sniffed.
func contentType(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	ext := path.Ext(base)
	if ext == "" || ext == base { // ".bashrc" has no extension
		if plainNames[strings.ToLower(strings.TrimPrefix(base, "."))] {
			return textPlain
		}
		return octetStream
	}
	t, ok := types[ext]
	if !ok {
		ext = strings.ToLower(ext)
		t, ok = types[ext]
	}
	if ok {
		return t
	}
	if t = mime.TypeByExtension(ext); t != "" {
		return t
	}
	return octetStream
}

const (
	textPlain   = "text/plain; charset=utf-8"
	octetStream = "application/octet-stream"
)

// plainNames are files without an extension that everybody reads as text.
var plainNames = map[string]bool{
	"readme": true, "license": true, "licence": true, "copying": true, "authors": true, "changelog": true,
	"changes": true, "contributing": true, "notice": true, "todo": true, "news": true, "install": true,
	"makefile": true, "dockerfile": true, "containerfile": true, "gitignore": true, "gitattributes": true,
	"editorconfig": true, "bashrc": true, "profile": true,
}

// types by extension. Text gets charset=utf-8, since without it browsers guess.
var types = expand(map[string]string{
	"text/plain":                              "txt text log conf cfg ini env diff patch sh bash zsh fish py rb pl lua go rs c h cc cpp hpp java kt swift hs ml sql tex bib srt nfo properties mk cmake",
	"text/markdown":                           "md markdown mkd",
	"text/html":                               "html htm",
	"text/css":                                "css",
	"text/csv":                                "csv",
	"text/tab-separated-values":               "tsv",
	"text/javascript":                         "js mjs cjs",
	"text/calendar":                           "ics ifb",
	"text/vcard":                              "vcf vcard",
	"text/vtt":                                "vtt",
	"text/x-org":                              "org",
	"text/x-rst":                              "rst",
	"text/asciidoc":                           "adoc asciidoc",
	"text/x-tiddlywiki":                       "tid",
	"application/json":                        "json map",
	"application/ld+json":                     "jsonld",
	"application/geo+json":                    "geojson",
	"application/x-ndjson":                    "ndjson jsonl",
	"application/yaml":                        "yaml yml",
	"application/toml":                        "toml",
	"application/xml":                         "xml xsl xsd",
	"application/xhtml+xml":                   "xhtml xht",
	"application/atom+xml":                    "atom",
	"application/rss+xml":                     "rss",
	"application/gpx+xml":                     "gpx",
	"application/manifest+json":               "webmanifest",
	"application/pdf":                         "pdf",
	"application/rtf":                         "rtf",
	"application/epub+zip":                    "epub",
	"application/x-mobipocket-ebook":          "mobi azw",
	"application/zip":                         "zip",
	"application/gzip":                        "gz tgz",
	"application/x-bzip2":                     "bz2 tbz2",
	"application/x-xz":                        "xz txz",
	"application/zstd":                        "zst",
	"application/x-tar":                       "tar",
	"application/x-7z-compressed":             "7z",
	"application/vnd.rar":                     "rar",
	"application/java-archive":                "jar",
	"application/wasm":                        "wasm",
	"application/vnd.debian.binary-package":   "deb",
	"application/x-rpm":                       "rpm",
	"application/vnd.android.package-archive": "apk",
	"application/x-iso9660-image":             "iso",
	"application/vnd.sqlite3":                 "sqlite sqlite3 db3",
	"application/x-keepass2":                  "kdbx",
	"application/pgp-signature":               "sig",
	"application/pgp-encrypted":               "pgp gpg",
	"application/x-pem-file":                  "pem",
	"application/x-bittorrent":                "torrent",
	"application/postscript":                  "ps eps ai",
	"application/msword":                      "doc dot",
	"application/vnd.ms-excel":                "xls xlt",
	"application/vnd.ms-powerpoint":           "ppt pps pot",
	"application/vnd.visio":                   "vsd",
	"application/vnd.ms-outlook":              "msg",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   "docx",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.template":   "dotx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         "xlsx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.template":      "xltx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
	"application/vnd.openxmlformats-officedocument.presentationml.slideshow":    "ppsx",
	"application/vnd.oasis.opendocument.text":                                   "odt",
	"application/vnd.oasis.opendocument.spreadsheet":                            "ods",
	"application/vnd.oasis.opendocument.presentation":                           "odp",
	"application/vnd.oasis.opendocument.graphics":                               "odg",
	"message/rfc822":                "eml mht mhtml",
	"application/mbox":              "mbox",
	"image/png":                     "png",
	"image/apng":                    "apng",
	"image/jpeg":                    "jpg jpeg jpe jfif",
	"image/gif":                     "gif",
	"image/webp":                    "webp",
	"image/avif":                    "avif",
	"image/heic":                    "heic",
	"image/heif":                    "heif",
	"image/jxl":                     "jxl",
	"image/svg+xml":                 "svg",
	"image/bmp":                     "bmp",
	"image/tiff":                    "tif tiff",
	"image/vnd.microsoft.icon":      "ico",
	"image/vnd.adobe.photoshop":     "psd",
	"image/x-adobe-dng":             "dng",
	"audio/mpeg":                    "mp3",
	"audio/mp4":                     "m4a m4b",
	"audio/aac":                     "aac",
	"audio/ogg":                     "ogg oga opus",
	"audio/flac":                    "flac",
	"audio/wav":                     "wav",
	"audio/midi":                    "mid midi",
	"audio/x-ms-wma":                "wma",
	"application/vnd.apple.mpegurl": "m3u8",
	"audio/x-mpegurl":               "m3u",
	"video/mp4":                     "mp4 m4v",
	"video/webm":                    "webm",
	"video/ogg":                     "ogv",
	"video/x-matroska":              "mkv",
	"video/quicktime":               "mov qt",
	"video/x-msvideo":               "avi",
	"video/mpeg":                    "mpg mpeg",
	"video/mp2t":                    "m2ts mts",
	"video/x-flv":                   "flv",
	"video/x-ms-wmv":                "wmv",
	"video/3gpp":                    "3gp",
	"font/woff":                     "woff",
	"font/woff2":                    "woff2",
	"font/ttf":                      "ttf",
	"font/otf":                      "otf",
	"model/gltf-binary":             "glb",
	"model/stl":                     "stl",
})

func expand(byType map[string]string) map[string]string {
	byExt := make(map[string]string)
	for t, exts := range byType {
		if strings.HasPrefix(t, "text/") {
			t += "; charset=utf-8"
		}
		for ext := range strings.FieldsSeq(exts) {
			byExt["."+ext] = t
		}
	}
	return byExt
}
