package doctor

import (
	"io/fs"
	"strings"
)

// vendors are those who sign virtual machines, as the firmware names them.
var vendors = []string{"QEMU", "KVM", "VMware", "VirtualBox", "innotek", "Xen", "Amazon EC2", "Google Compute Engine", "Virtual Machine", "OpenStack", "Parallels", "BHYVE", "Alibaba Cloud", "DigitalOcean", "Hetzner"}

// metal are products of such vendors that are no virtual machines.
const metal = ".metal"

// hypervisor says who virtualizes this machine, "" if nobody is seen; nil if there is nothing by
// which one could be.
func hypervisor(root fs.FS) *string {
	name, looked := virtualizer(root)
	if !looked {
		return nil
	}
	return &name
}

func virtualizer(root fs.FS) (name string, looked bool) {
	if kind := strings.TrimSpace(text(root, "sys/hypervisor/type")); kind != "" {
		return kind, true
	}
	product := strings.TrimSpace(text(root, "sys/class/dmi/id/product_name"))
	firmware := strings.TrimSpace(text(root, "sys/class/dmi/id/sys_vendor")) + " " + product
	if !strings.HasSuffix(product, metal) {
		for _, vendor := range vendors {
			if strings.Contains(firmware, vendor) {
				return vendor, true
			}
		}
	}
	virtual, told := virtualCPU(text(root, "proc/cpuinfo"))
	if virtual {
		return "the processor says so", true
	}
	return "", told || strings.TrimSpace(firmware) != ""
}

// virtualCPU reports whether the processor says that it is virtual, by the flag hypervisor of x86;
// told is false if it has no flags.
func virtualCPU(cpuinfo string) (virtual, told bool) {
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) != "flags" {
			continue
		}
		for flag := range strings.FieldsSeq(value) {
			if flag == "hypervisor" {
				return true, true
			}
		}
		return false, true // the processors are alike
	}
	return false, false
}
