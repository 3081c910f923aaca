package config

import (
	"bytes"
	"fmt"
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
	whole := Place{File: file}
	switch {
	case source == nil:
		found.add(whole, "cannot be read")
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
	document, err := parseYAML(string(source))
	if err != nil {
		found.put(syntaxMistake(file, err))
		return nil
	}
	var body ast.Node
	for _, doc := range document.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			found.add(placeOf(file, doc.Body.GetToken()), "begins a second document; one file is one document")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		found.add(whole, "is empty; write at least one key")
		return nil
	}
	b := &builder{file: file, found: found}
	return b.build(body, 1)
}

// parseYAML runs the library's lexer and parser. A file that the library would recurse into too deeply is refused between
// the two, and a panic of the library over a hostile file becomes an error.
func parseYAML(source string) (file *ast.File, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			file, err = nil, fmt.Errorf("the YAML cannot be understood")
		}
	}()
	tokens := lexer.Tokenize(source)
	if deep := tooDeep(tokens); deep != nil {
		return nil, &depthError{deep}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // duplicates are found below, with both places
}

// depthError is a file that nests too deeply for its tree to be built.
type depthError struct{ at *token.Token }

func (e *depthError) Error() string { return tooDeepText }

const tooDeepText = "is nested too deeply; 20 maps and lists within each other are allowed"

// tooDeep returns the first token that opens more than MaxDepth lists or maps: brackets within each other, or dashes and
// question marks in one line. (Maps by indentation are bounded by the file's size and counted when the tree is built.)
func tooDeep(tokens token.Tokens) *token.Token {
	depth, line, inLine := 0, 0, 0
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
		}
		if depth > MaxDepth || inLine > MaxDepth {
			return t
		}
	}
	return nil
}

// syntaxMistake places an error of the parser.
func syntaxMistake(file string, err error) Mistake {
	m := Mistake{Place: Place{File: file}, Text: err.Error(), Severity: Error}
	if deep, ok := err.(*depthError); ok {
		m.Place = placeOf(file, deep.at)
		return m
	}
	if syntax, ok := err.(yaml.Error); ok {
		m.Text = "is not YAML: " + oneLine(syntax.GetMessage())
		if t := syntax.GetToken(); t != nil {
			m.Place = placeOf(file, t)
		}
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
	at := placeOf(b.file, n.GetToken())
	if depth > MaxDepth {
		b.found.add(at, tooDeepText)
		return nil
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && n.Start.Type != token.MappingStartType {
			at = placeOf(b.file, n.Values[0].Key.GetToken())
		}
		return b.mapping(at, n.Values, depth)
	case *ast.MappingValueNode:
		return b.mapping(placeOf(b.file, n.Key.GetToken()), []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		v := &value{at: at, form: list}
		for _, item := range n.Values {
			if built := b.build(item, depth+1); built != nil {
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
	return nil
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
		var keyNode ast.Node = pair.Key
		if explicit, ok := keyNode.(*ast.MappingKeyNode); ok {
			keyNode = explicit.Value
		}
		if keyNode == nil {
			b.found.add(placeOf(b.file, pair.GetToken()), "a key is missing here")
			continue
		}
		key := b.build(keyNode, depth)
		if key == nil {
			continue
		}
		if key.form != scalar {
			b.found.add(key.at, "a key must be a plain value, not %s", key.form)
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

// oneLine joins the lines of a message.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
