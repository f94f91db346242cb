package kernel

// job is parallel work: item does the i-th piece of it, with the scratch memory of one worker.
type job interface{ item(i int, s *worker) }

// jobs holds the operation that a Pool is at. A closure for each would be allocated every time.
type jobs struct {
	rows       rowBlocks
	product    product
	inputGrad  inputGrad
	weightGrad weightGrads
	transposed transposed
	norm       normForward
	normGrad   normBackward
	mapped     mapped
	gated      gated
	rope       rotation
	adam       adamJob
	squares    squares
}

// share runs the n items of a job on several threads. It stands in the Pool's memory for the time.
func share[T any, J interface {
	*T
	job
}](p *Pool, slot *T, j T, n int) {
	if n <= 0 {
		return
	}
	*slot = j
	p.run(n, J(slot))
	*slot = *new(T) // the Pool must not keep the buffers of an operation alive
}
