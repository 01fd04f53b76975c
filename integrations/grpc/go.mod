module github.com/trueclock/trueclock/integrations/grpc

go 1.26.0

require (
	github.com/stretchr/testify v1.12.1
	github.com/trueclock/trueclock v0.0.0
	google.golang.org/grpc v1.83.2
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.59.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260526163538-3dc84a4a5aaa // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/trueclock/trueclock => ../..
