package jinja

import "maps"

// How a name gets its value when a frame is entered. Jinja decides this when it
// compiles a template: a name that is first assigned in a frame begins there as
// undefined, even where the caller gave it a value; one that is first read, or
// assigned in a branch of an if only, begins with the value outside.
type load int

const (
	loadMissing load = iota // undefined until it is assigned
	loadOuter               // the value in the frame outside
	loadGiven               // what the caller gave, or a global
	loadParam               // loop target, macro parameter: set by the statement
)

// scope is what a frame of its own declares.
type scope map[string]load

// symbols is a scope that is being worked out.
type symbols struct {
	parent *symbols // the frame outside
	base   *symbols // of a branch: the frame it stands in, whose names it sees
	refs   scope
	stores map[string]bool
}

func newSymbols(parent *symbols) *symbols {
	return &symbols{parent: parent, refs: scope{}, stores: map[string]bool{}}
}

// has says whether the frame has the name, or one that the branch stands in.
func (s *symbols) has(name string) bool {
	for ; s != nil; s = s.base {
		if _, ok := s.refs[name]; ok {
			return true
		}
	}
	return false
}

// storesIn is has for names that are assigned to.
func (s *symbols) storesIn(name string) bool {
	for ; s != nil; s = s.base {
		if s.stores[name] {
			return true
		}
	}
	return false
}

// known says whether the name belongs to this frame or to one outside.
func (s *symbols) known(name string) bool {
	for ; s != nil; s = s.parent {
		if s.has(name) {
			return true
		}
	}
	return false
}

func (s *symbols) load(name string) {
	if !s.known(name) {
		s.refs[name] = loadGiven
	}
}

func (s *symbols) param(name string) {
	s.stores[name] = true
	s.refs[name] = loadParam
}

func (s *symbols) store(name string) {
	s.stores[name] = true
	if s.has(name) {
		return
	}
	s.refs[name] = loadMissing
	if s.parent.known(name) {
		s.refs[name] = loadOuter
	}
}

// branches takes over what the branches of an if declare.
func (s *symbols) branches(all ...*symbols) {
	stored := map[string]bool{}
	for _, b := range all {
		for name := range b.stores {
			if !s.storesIn(name) {
				stored[name] = true
			}
		}
	}
	for _, b := range all {
		maps.Copy(s.refs, b.refs)
		maps.Copy(s.stores, b.stores)
	}
	for name := range stored {
		s.refs[name] = loadGiven
		if s.parent.known(name) {
			s.refs[name] = loadOuter
		}
	}
}

// branch begins a branch of an if in the frame.
func (s *symbols) branch() *symbols {
	b := newSymbols(s.parent)
	b.base = s
	return b
}

// frameOf works out the scope of a frame and of those inside it: the parameters,
// then the expressions that are evaluated in it, then its statements.
func frameOf(parent *symbols, params []string, exprs []expr, body []stmt) scope {
	s := newSymbols(parent)
	for _, name := range params {
		s.param(name)
	}
	for _, x := range exprs {
		s.reads(x)
	}
	for _, st := range body {
		s.visit(st)
	}
	s.inner(body)
	return s.refs
}

// visit declares the names of a statement, not those of frames inside it.
func (s *symbols) visit(st stmt) {
	switch st := st.(type) {
	case outputStmt:
		s.reads(st.x)
	case ifStmt:
		s.reads(st.test)
		body, orIf := s.branch(), s.branch()
		for _, one := range st.body {
			body.visit(one)
		}
		for _, one := range st.orIf {
			orIf.visit(one)
		}
		s.branches(body, orIf)
	case *forStmt:
		s.reads(st.iter)
	case setStmt:
		s.reads(st.value)
		s.assigns(st.target)
	case *blockStmt:
		if st.target != nil {
			s.assigns(st.target)
		}
	case *withStmt:
		for _, x := range st.values {
			s.reads(x)
		}
	case *macroStmt:
		s.store(st.name)
	}
}

// assigns declares the names of a target.
func (s *symbols) assigns(t target) {
	switch t := t.(type) {
	case nameTarget:
		s.store(string(t))
	case attrTarget:
		s.load(t.name)
	case tupleTarget:
		for _, one := range t {
			s.assigns(one)
		}
	}
}

// inner works out the frames inside the statements.
func (s *symbols) inner(body []stmt) {
	for _, st := range body {
		switch st := st.(type) {
		case ifStmt:
			s.inner(st.body)
			s.inner(st.orIf)
		case *forStmt:
			params := st.target.names()
			if st.test != nil {
				st.testS = frameOf(s, params, []expr{st.test}, nil)
			}
			if st.usesLoop {
				params = append([]string{"loop"}, params...)
			}
			st.scope = frameOf(s, params, nil, st.body)
			st.elsS = frameOf(s, nil, nil, st.orElse)
		case *blockStmt:
			var exprs []expr
			for _, f := range st.filters {
				exprs = append(exprs, f)
			}
			st.scope = frameOf(s, nil, exprs, st.body)
		case *withStmt:
			st.scope = frameOf(s, st.names, nil, st.body)
		case *macroStmt:
			st.scope = frameOf(s, st.params, st.defaults, st.body)
		}
	}
}

// reads declares the names that an expression reads.
func (s *symbols) reads(x expr) {
	switch x := x.(type) {
	case nameExpr:
		s.load(x.name)
	case attrExpr:
		s.reads(x.x)
	case itemExpr:
		s.readAll(x.x, x.index)
	case sliceExpr:
		s.readAll(x.x, x.start, x.stop, x.step)
	case listExpr:
		s.readAll(x.items...)
	case dictExpr:
		s.readAll(x.keys...)
		s.readAll(x.values...)
	case callExpr:
		s.reads(x.f)
		s.readArgs(x.args)
	case filterExpr:
		s.readAll(x.x)
		s.readArgs(x.args)
	case testExpr:
		s.reads(x.x)
		s.readArgs(x.args)
	case notExpr:
		s.reads(x.x)
	case logicExpr:
		s.readAll(x.a, x.b)
	case condExpr:
		s.readAll(x.test, x.yes, x.no)
	case compareExpr:
		s.reads(x.x)
		s.readAll(x.with...)
	case concatExpr:
		s.readAll(x.items...)
	case binaryExpr:
		s.readAll(x.a, x.b)
	case unaryExpr:
		s.reads(x.x)
	}
}

// readAll is reads for several expressions, nil ones left out.
func (s *symbols) readAll(all ...expr) {
	for _, x := range all {
		if x != nil {
			s.reads(x)
		}
	}
}

func (s *symbols) readArgs(a args) {
	s.readAll(a.pos...)
	for _, k := range a.key {
		s.reads(k.x)
	}
}
