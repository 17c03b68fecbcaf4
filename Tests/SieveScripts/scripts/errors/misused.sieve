true;
true;
if keep { }
if keep { }
kepe; kepe;
