package kernel

// jobs is where the jobs of a Pool stand while they are in work.
type jobs struct {
	each      each
	rows      rowBlocks
	product   product
	inputGrad inputGrad
	norm      normForward
	normGrad  normBackward
	mapped    mapped
	gated     gated
	rope      rotation
	adam      adamJob

	// These keep their buffers from call to call.
	weightGrads weightGrads
	transposed  transposed
	attention   attnWork
	squares     squares
}

func (*each) of(p *jobs) *each                 { return &p.each }
func (*rowBlocks) of(p *jobs) *rowBlocks       { return &p.rows }
func (*product) of(p *jobs) *product           { return &p.product }
func (*inputGrad) of(p *jobs) *inputGrad       { return &p.inputGrad }
func (*normForward) of(p *jobs) *normForward   { return &p.norm }
func (*normBackward) of(p *jobs) *normBackward { return &p.normGrad }
func (*mapped) of(p *jobs) *mapped             { return &p.mapped }
func (*gated) of(p *jobs) *gated               { return &p.gated }
func (*rotation) of(p *jobs) *rotation         { return &p.rope }
func (*adamJob) of(p *jobs) *adamJob           { return &p.adam }
