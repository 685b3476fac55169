package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var groupVersion = schema.GroupVersion{Group: "rampart.dev", Version: "v1alpha1"}

// SecurityProfile is what the reference reads of one.
type SecurityProfile struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Mode              string               `json:"mode"`
		NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
	} `json:"spec"`
}

// SecurityProfileList is a list of them.
type SecurityProfileList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []SecurityProfile `json:"items"`
}

// DeepCopyObject makes it an object of the API.
func (p *SecurityProfile) DeepCopyObject() runtime.Object {
	c := *p
	p.ObjectMeta.DeepCopyInto(&c.ObjectMeta)
	p.Spec.NamespaceSelector.DeepCopyInto(&c.Spec.NamespaceSelector)
	return &c
}

// DeepCopyObject makes it an object of the API.
func (l *SecurityProfileList) DeepCopyObject() runtime.Object {
	c := *l
	l.ListMeta.DeepCopyInto(&c.ListMeta)
	c.Items = nil
	for i := range l.Items {
		c.Items = append(c.Items, *l.Items[i].DeepCopyObject().(*SecurityProfile))
	}
	return &c
}

func addToScheme(scheme *runtime.Scheme) {
	scheme.AddKnownTypes(groupVersion, &SecurityProfile{}, &SecurityProfileList{})
	metav1.AddToGroupVersion(scheme, groupVersion)
}
