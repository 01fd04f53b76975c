package doctor

import (
	"io/fs"
	"strings"
)

// vendors are those who sign virtual machines, as the firmware names them.
var vendors = []string{"QEMU", "KVM", "VMware", "VirtualBox", "innotek", "Xen", "Amazon EC2", "Google Compute Engine", "Virtual Machine", "OpenStack", "Parallels", "BHYVE", "Alibaba Cloud", "DigitalOcean", "Hetzner"}

// metal are products of such vendors that are no virtual machines.
const metal = ".metal"

// hypervisor says who virtualizes this machine, "" if nobody is seen.
func hypervisor(root fs.FS) string {
	if kind := strings.TrimSpace(text(root, "sys/hypervisor/type")); kind != "" {
		return kind
	}
	product := strings.TrimSpace(text(root, "sys/class/dmi/id/product_name"))
	firmware := strings.TrimSpace(text(root, "sys/class/dmi/id/sys_vendor")) + " " + product
	if !strings.HasSuffix(product, metal) {
		for _, vendor := range vendors {
			if strings.Contains(firmware, vendor) {
				return vendor
			}
		}
	}
	if virtualCPU(text(root, "proc/cpuinfo")) {
		return "a hypervisor"
	}
	return ""
}

// virtualCPU reports whether the processor says that it is virtual: the flag hypervisor on x86.
func virtualCPU(cpuinfo string) bool {
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) != "flags" {
			continue
		}
		for flag := range strings.FieldsSeq(value) {
			if flag == "hypervisor" {
				return true
			}
		}
		return false // the processors are alike
	}
	return false
}
