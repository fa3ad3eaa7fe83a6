"""The tensor operations in scope: PyTorch's names, by group. The parity test runs PyTorch's samples of every one."""

SCOPE = {
    "elementwise": """
        add sub mul div true_divide floor_divide remainder fmod pow float_power abs sign neg positive exp exp2 expm1 log
        log1p log2 log10 sqrt rsqrt square reciprocal sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
        sigmoid erf erfc floor ceil round trunc frac clamp clamp_min clamp_max maximum minimum fmax fmin where logaddexp
        logaddexp2 xlogy lerp hypot addcmul addcdiv logit nan_to_num heaviside eq ne lt le gt ge logical_and logical_or
        logical_not logical_xor bitwise_and bitwise_or bitwise_xor bitwise_not isnan isinf isfinite isclose allclose
        equal sgn signbit rad2deg deg2rad
        __radd__ __rsub__ __rmul__ __rdiv__ __rpow__ __rmatmul__ __rmod__ __rand__ __ror__ __rxor__
    """,
    "reduction": """
        sum mean prod max min amax amin aminmax argmax argmin any all var std var_mean std_mean norm linalg.norm
        linalg.vector_norm logsumexp cumsum cumprod softmax log_softmax nansum nanmean median nanmedian count_nonzero
    """,
    "linalg": """
        matmul mm mv bmm dot inner outer addmm addmv addbmm baddbmm addr einsum tensordot trace tril triu diag diagonal
        diag_embed kron vdot
    """,
    "shape": """
        reshape view flatten unflatten ravel squeeze unsqueeze transpose t permute movedim T mT expand expand_as
        broadcast_to repeat tile cat stack hstack vstack split chunk unbind narrow select index_select gather scatter
        scatter_add masked_fill masked_select take_along_dim flip fliplr flipud roll meshgrid topk sort argsort clone
        contiguous __getitem__ view_as reshape_as atleast_1d atleast_2d broadcast_tensors index_put index_add
        index_fill index_copy nonzero unsqueeze_copy repeat_interleave
    """,
    "creation": """
        zeros ones full empty arange linspace logspace eye zeros_like ones_like full_like empty_like rand_like
        randn_like randint_like randn randint normal bernoulli multinomial new_zeros new_ones new_full
        new_empty fill zero_
    """,
    "activation": """
        nn.functional.relu
    """,
    "loss": """
        nn.functional.mse_loss
    """,
    "layer": """
        nn.functional.linear nn.functional.bilinear nn.functional.dropout nn.functional.dropout2d
        nn.functional.alpha_dropout nn.functional.batch_norm nn.functional.layer_norm nn.functional.embedding
    """,
    "convolution": """
    """,
}
