package config

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may cost us before we refuse it: a file of a thousand agents has 100 KiB and a depth of 6.
const (
	MaxFileBytes = 1 << 20 // 1 MiB
	MaxDepth     = 20      // maps and lists within each other
)

// byteOrderMark begins the files of some editors; YAML allows it (section 5.2).
var byteOrderMark = []byte("\ufeff")

// form is what a value of the tree is.
type form int

const (
	scalar form = iota
	mapping
	list
	nothing // a key without a value, or null
)

// String names the form as a message to people does.
func (f form) String() string {
	return [...]string{"a plain value", "a map", "a list", "nothing"}[f]
}

// value is one node of a file: a plain value with its source text, a map or a list.
type value struct {
	at      Place
	form    form
	text    string // of a scalar: the source text, without quotes
	plain   bool   // the scalar was not quoted
	entries []entry
	items   []*value
}

// entry is one key of a map with its value, in the order of the file.
type entry struct {
	key   *value // a scalar
	value *value
}

// get returns the value of a key, or nil.
func (v *value) get(key string) *value {
	if v == nil {
		return nil
	}
	for _, e := range v.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// parse turns a file into a tree. It returns nil when the file has no shape at all; other mistakes leave the tree without
// the part that is wrong.
func parse(file string, source []byte, found *mistakes) *value {
	whole := Place{File: file, Line: 1, Column: 1}
	switch {
	case source == nil:
		found.add(Place{File: file}, "cannot be read")
		return nil
	case len(source) > MaxFileBytes:
		found.add(whole, "is larger than 1 MiB")
		return nil
	case !utf8.Valid(source):
		found.add(placeOfByte(file, source), "is not UTF-8 text here")
		return nil
	case bytes.IndexByte(source, 0) >= 0:
		found.add(whole, "holds a zero byte; a configuration is text")
		return nil
	}
	document, err := parseYAML(string(bytes.TrimPrefix(source, byteOrderMark)))
	if err != nil {
		found.put(syntaxMistake(file, err))
		return nil
	}
	body := onlyBody(file, document, found)
	if body == nil {
		return nil
	}
	tree := (&builder{file: file, found: found}).build(body, 1)
	if tree != nil && tree.form != mapping {
		found.add(tree.at, "must be a map of keys, not %s", tree.form)
		return nil
	}
	return tree
}

// onlyBody returns the content of the one document that a file may be, or nil having noted what is wrong.
func onlyBody(file string, document *ast.File, found *mistakes) ast.Node {
	var body ast.Node
	for _, doc := range document.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			found.add(beginning(file, doc.Body), "begins a second document; one file is one document")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		found.add(Place{File: file, Line: 1, Column: 1}, "is empty; write at least one key")
	}
	return body
}

// parseYAML runs the library's lexer and parser. A file that would be too much for the parser is refused between the
// two, and a panic of the library over a hostile file becomes an error.
func parseYAML(source string) (file *ast.File, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			file, err = nil, errors.New("the parser failed")
		}
	}()
	tokens := lexer.Tokenize(source)
	if at, what := tooMuch(tokens); at != nil {
		return nil, &boundError{at, what}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // duplicates are found below, with both places
}

// boundError is a file that is too much for the parser: it recurses over nested values, and takes time in the square of the
// keys of a map that is written in lines.
type boundError struct {
	at   *token.Token
	what string
}

func (e *boundError) Error() string { return e.what }

const tooDeepText = "is nested too deeply; 20 maps and lists within each other are allowed"

// maxKeyLines is how many lines with a key a file may have: the parser needs half a second for them.
const maxKeyLines = 10000

// tooMuch returns the first token that goes beyond a bound, and which: brackets within each other, dashes and question marks
// in one line, lines with keys. (Maps by indentation are bounded by the file's size, and counted when the tree is built.)
func tooMuch(tokens token.Tokens) (*token.Token, string) {
	depth, line, inLine, keyLines := 0, 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				line, inLine = t.Position.Line, 0
			}
			inLine++
		case token.MappingValueType:
			if depth <= 0 {
				keyLines++
			}
		}
		switch {
		case depth > MaxDepth || inLine > MaxDepth:
			return t, tooDeepText
		case keyLines > maxKeyLines:
			return t, "is more than 10000 lines with a key; a range like reserve-[01..20] stands for many agents"
		}
	}
	return nil, ""
}

// syntaxMistake places an error of the parser. (Its own text shows the lines around, which takes it long for a large file.)
func syntaxMistake(file string, err error) Mistake {
	m := Mistake{Place: Place{File: file, Line: 1, Column: 1}, Severity: Error}
	if bound, ok := errors.AsType[*boundError](err); ok {
		m.Place, m.Text = placeOf(file, bound.at), bound.what
		return m
	}
	syntax, ok := errors.AsType[yaml.Error](err)
	if !ok {
		m.Text = "is not YAML that can be understood"
		return m
	}
	m.Text = "is not YAML: " + oneLine(syntax.GetMessage())
	if t := syntax.GetToken(); t != nil {
		m.Place = placeOf(file, t)
	}
	return m
}

// builder turns the parser's nodes into our tree.
type builder struct {
	file  string
	found *mistakes
}

// build returns the tree of a node, or nil where something is not allowed.
func (b *builder) build(n ast.Node, depth int) *value {
	at := beginning(b.file, n)
	if depth > MaxDepth {
		b.found.add(at, tooDeepText)
		return nil
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(at, n.Values, depth)
	case *ast.MappingValueNode:
		return b.mapping(at, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		v := &value{at: at, form: list}
		for _, item := range n.Values {
			built := b.rejoin(item)
			if built == nil {
				built = b.build(item, depth+1)
			}
			if built != nil {
				v.items = append(v.items, built)
			}
		}
		return v
	case *ast.NullNode:
		return &value{at: at, form: nothing}
	case *ast.LiteralNode:
		return &value{at: at, form: scalar, text: n.Value.GetToken().Value}
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		t := n.GetToken()
		quoted := t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
		return &value{at: at, form: scalar, text: t.Value, plain: !quoted}
	}
	b.found.add(at, "%s", notAllowed(n))
	switch n := n.(type) { // go on with what is below, so that it is not called missing as well
	case *ast.AnchorNode:
		return b.build(n.Value, depth+1)
	case *ast.TagNode:
		return b.build(n.Value, depth+1)
	}
	return nil
}

// rejoin returns an item of a list that the parser took for a map although no space follows the colon, such as
// udp://127.0.0.1:5060 within braces: YAML has it as one plain value (section 7.3.3). For anything else it returns nil.
func (b *builder) rejoin(item ast.Node) *value {
	pair, ok := item.(*ast.MappingValueNode)
	if whole, isMap := item.(*ast.MappingNode); isMap && len(whole.Values) == 1 && whole.Start.Type != token.MappingStartType {
		pair, ok = whole.Values[0], true
	}
	if !ok || !b.adjacent(pair) {
		return nil
	}
	key, content := pair.Key.GetToken(), pair.Value.GetToken()
	return &value{at: placeOf(b.file, key), form: scalar, text: key.Value + ":" + content.Value, plain: true}
}

// adjacent reports whether the colon of a pair of plain values touches both.
func (b *builder) adjacent(pair *ast.MappingValueNode) bool {
	if _, plain := pair.Value.(ast.ScalarNode); !plain || pair.Start == nil {
		return false
	}
	key, colon, content := pair.Key.GetToken(), pair.Start, pair.Value.GetToken()
	quoted := func(t *token.Token) bool { return t.Indicator == token.QuotedScalarIndicator }
	return !quoted(key) && !quoted(content) && content.Type != token.ImplicitNullType &&
		key.Position.Line == colon.Position.Line && colon.Position.Line == content.Position.Line &&
		colon.Position.Column == key.Position.Column+utf8.RuneCountInString(key.Value) &&
		content.Position.Column == colon.Position.Column+1
}

// notAllowed says which part of YAML a node is that we refuse, and what to write instead.
func notAllowed(n ast.Node) string {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		return "anchors and aliases (& and *) are not allowed; write the value out"
	case *ast.TagNode:
		return "tags (!) are not allowed; write the value alone"
	case *ast.MergeKeyNode:
		return "merge keys (<<) are not allowed; write the keys out"
	case *ast.DirectiveNode:
		return "directives (%) are not allowed"
	}
	return "this form of YAML is not allowed here; write a value, a map or a list"
}

// mapping builds a map. A key must be a plain value and stand once.
func (b *builder) mapping(at Place, values []*ast.MappingValueNode, depth int) *value {
	v := &value{at: at, form: mapping}
	first := map[string]Place{}
	for _, pair := range values {
		key := b.key(pair, depth)
		if key == nil {
			continue
		}
		if before, ok := first[key.text]; ok {
			b.found.add(key.at, "%s stands here a second time; the first is at %s", quote(key.text), before)
			continue
		}
		first[key.text] = key.at
		content := &value{at: key.at, form: nothing}
		if pair.Value != nil {
			content = b.build(pair.Value, depth+1)
		}
		if content == nil {
			continue
		}
		if content.form == nothing {
			content.at = key.at
		}
		v.entries = append(v.entries, entry{key: key, value: content})
	}
	return v
}

// key builds the key of a pair, or returns nil having noted that it is none.
func (b *builder) key(pair *ast.MappingValueNode, depth int) *value {
	var n ast.Node = pair.Key
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		n = explicit.Value
	}
	if n == nil {
		b.found.add(placeOf(b.file, pair.GetToken()), "a key is missing here")
		return nil
	}
	key := b.build(n, depth)
	if key == nil {
		return nil
	}
	if t := n.GetToken(); key.form == nothing && t.Type == token.NullType {
		key.form, key.text = scalar, t.Value // null is a word like any other in the place of a name
	}
	if key.form != scalar {
		b.found.add(key.at, "a key must be a plain value, not %s", key.form)
		return nil
	}
	return key
}

// beginning is where a node begins; the parser's own token of a map without braces is its first colon.
func beginning(file string, n ast.Node) Place {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && m.Start.Type != token.MappingStartType {
			return placeOf(file, m.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return placeOf(file, m.Key.GetToken())
	}
	return placeOf(file, n.GetToken())
}

// placeOf is where a token stands.
func placeOf(file string, t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{File: file}
	}
	return Place{File: file, Line: t.Position.Line, Column: max(1, t.Position.Column)}
}

// placeOfByte is where the first byte stands that is not UTF-8.
func placeOfByte(file string, source []byte) Place {
	at := Place{File: file, Line: 1, Column: 1}
	for len(source) > 0 {
		r, size := utf8.DecodeRune(source)
		if r == utf8.RuneError && size == 1 {
			break
		}
		at.Column++
		if r == '\n' {
			at.Line, at.Column = at.Line+1, 1
		}
		source = source[size:]
	}
	return at
}

// maxQuoted is how many characters of a file's text a message repeats.
const maxQuoted = 60

// quote renders text of a file for a message: escaped, and cut when it is long.
func quote(text string) string {
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// oneLine joins the lines of a message and escapes what does not print.
func oneLine(text string) string {
	quoted := strconv.Quote(strings.TrimSpace(strings.ReplaceAll(text, "\n", " ")))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
