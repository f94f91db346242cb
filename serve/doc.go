// Package serve is the reward as a server for the training engines of others
// (docs/serve.md). It answers each engine in the form that its own client expects.
//
//	server.go    Server: routes, reading of bodies, reload, the end
//	settings.go  Settings: limits; limit.go: what counts and holds them
//	desk.go      desk: the samples of one reward, gathered into batches, each scored once
//	openrlhf.go, slime.go, verify.go    the routes of OpenRLHF, slime, and NeMo Gym with verifiers
//	reward.go    the route of our own, for package client
//	text.go      the answer and the prompt in what engines send
//	write.go     replies and errors
//	tokens.go    who may ask
//	metrics.go   what is counted; page.go: the page and what it shows
package serve
